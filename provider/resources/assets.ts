import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as z from "zod";
import { errorText, finding, pxeError, type Finding, type PxeError } from "../errors";
import type { AssetSpec } from "../model/documents";

/** A file of a profile: on the operator's machine, or to be downloaded there. */
export const assetInput = z
  .strictObject({
    path: z.string().min(1).optional(),
    url: z
      .string()
      .refine((url) => /^https?:\/\/[^\s]+$/.test(url) && URL.canParse(url), { error: "is not an http or https URL" })
      .optional(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/, { error: "is not a SHA-256 sum in lower-case hexadecimal" }).optional(),
    name: z
      .string()
      .refine((name) => /^[A-Za-z0-9._-]{1,128}$/.test(name) && isFileName(name), { error: "is not a file name" })
      .optional(),
  })
  .refine((asset) => (asset.path === undefined) !== (asset.url === undefined), { error: "needs either a path or a url" })
  .refine((asset) => asset.name !== undefined || asset.url === undefined || !URL.canParse(asset.url) || isFileName(lastPart(asset.url)), {
    error: "names no file: its path ends without one, so give the asset a name", path: ["url"],
  });
export type AssetInput = z.output<typeof assetInput>;

/** What is known of a file before anything is fetched. */
export interface PlannedAsset {
  readonly name: string;
  readonly sha256?: string;
  readonly size?: number;
}

/** A file ready to be sent. */
export interface ReadyAsset {
  readonly spec: AssetSpec;
  /** Where the file lies on this machine; undefined where it is known only by what was recorded of it. */
  readonly file: string | undefined;
  readonly source: AssetInput;
}

function lastPart(url: string): string {
  return URL.canParse(url) ? path.posix.basename(new URL(url).pathname) : "";
}

function isFileName(name: string): boolean {
  return !["", ".", ".."].includes(name);
}

/** A URL as it may be shown: what can hold a password or a signature is left out. */
function shown(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** Name under which a file is served: the last part of its path or URL. */
export function assetName(asset: AssetInput): string {
  if (asset.name !== undefined) return asset.name;
  const base = asset.path === undefined ? lastPart(asset.url ?? "") : path.basename(asset.path);
  return base.replaceAll(/[^A-Za-z0-9._-]/g, "_").slice(0, 128);
}

const chunk = 1024 * 1024;

function hashFile(file: string): string {
  const hash = createHash("sha256");
  const buffer = Buffer.alloc(chunk);
  const handle = fs.openSync(file, "r");
  try {
    for (let count = fs.readSync(handle, buffer); count > 0; count = fs.readSync(handle, buffer)) hash.update(buffer.subarray(0, count));
  } finally {
    fs.closeSync(handle);
  }
  return hash.digest("hex");
}

/** The files of this operation: each is hashed and downloaded once. */
export class AssetLibrary {
  private readonly hashes = new Map<string, string>();
  private readonly downloads = new Map<string, Promise<ReadyAsset>>();

  /** @param folder where downloads are kept, by hash */
  constructor(private readonly folder: string = defaultFolder()) {}

  /** Offline. A local file is hashed; a URL is known by what is pinned. */
  plan(asset: AssetInput, document: string, property: string): { asset: PlannedAsset; findings: Finding[] } {
    const name = assetName(asset);
    if (asset.path === undefined) return { asset: { name, ...(asset.sha256 === undefined ? {} : { sha256: asset.sha256 }) }, findings: [] };
    try {
      const local = this.local(asset.path);
      if (asset.sha256 === undefined || asset.sha256 === local.sha256) return { asset: { name, ...local }, findings: [] };
      const what = `${asset.path} has the SHA-256 sum ${local.sha256}`;
      return { asset: { name, ...local }, findings: [finding("PXE_ASSET_HASH", what, { where: [{ document, property: `${property}.sha256` }] })] };
    } catch (error) {
      const what = `${asset.path} can't be read: ${errorText(error)}`;
      return { asset: { name }, findings: [finding("PXE_ASSET_MISSING", what, { where: [{ document, property: `${property}.path` }] })] };
    }
  }

  /**
   * The file itself, downloaded where it must be.
   * @param recorded what an unpinned URL gave last time: it stays that file as long as the URL is the same
   * @throws PxeError PXE_ASSET_MISSING, PXE_ASSET_HASH
   */
  async ready(asset: AssetInput, recorded: AssetSpec | undefined): Promise<ReadyAsset> {
    if (asset.path !== undefined) {
      return { spec: { name: assetName(asset), ...this.local(asset.path) }, file: asset.path, source: asset };
    }
    const sha256 = asset.sha256 ?? recorded?.sha256;
    if (sha256 !== undefined) {
      const file = path.join(this.folder, sha256);
      const size = fs.statSync(file, { throwIfNoEntry: false })?.size;
      if (size !== undefined) return { spec: { name: assetName(asset), sha256, size }, file, source: asset };
      if (recorded?.sha256 === sha256) return { spec: { ...recorded, name: assetName(asset) }, file: undefined, source: asset };
    }
    return this.download(asset);
  }

  /** Makes sure that the file lies on this machine; it may be another one than was recorded if the URL is not pinned. */
  download(asset: AssetInput): Promise<ReadyAsset> {
    const key = `${asset.url ?? ""} ${asset.sha256 ?? ""}`;
    const running = this.downloads.get(key) ?? this.fetchInto(asset);
    this.downloads.set(key, running);
    running.catch(() => this.downloads.delete(key));
    return running;
  }

  private local(file: string): { sha256: string; size: number } {
    const stat = fs.statSync(file, { bigint: true });
    const key = `${file} ${String(stat.ino)} ${String(stat.size)} ${String(stat.mtimeNs)}`;
    const sha256 = this.hashes.get(key) ?? hashFile(file);
    this.hashes.set(key, sha256);
    return { sha256, size: Number(stat.size) };
  }

  private async fetchInto(asset: AssetInput): Promise<ReadyAsset> {
    const url = asset.url ?? "";
    await fs.promises.mkdir(this.folder, { recursive: true });
    const partial = path.join(this.folder, `.partial-${String(process.pid)}-${createHash("sha256").update(url).digest("hex").slice(0, 16)}`);
    try {
      const hash = createHash("sha256");
      const body = await open(url);
      body.on("data", (data: Buffer) => hash.update(data));
      await pipeline(body, fs.createWriteStream(partial)).catch((error: unknown) => {
        throw notDownloaded(url, error);
      });
      const sha256 = hash.digest("hex");
      if (asset.sha256 !== undefined && asset.sha256 !== sha256) throw pxeError("PXE_ASSET_HASH", `${shown(url)} has the SHA-256 sum ${sha256}, not ${asset.sha256}`);
      const { size } = await fs.promises.stat(partial);
      const file = path.join(this.folder, sha256);
      await fs.promises.rename(partial, file);
      return { spec: { name: assetName(asset), sha256, size }, file, source: asset };
    } finally {
      await fs.promises.rm(partial, { force: true });
    }
  }
}

async function open(url: string): Promise<Readable> {
  // Fetch takes no user and password in a URL.
  const address = new URL(url);
  const { username, password } = address;
  address.username = address.password = "";
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64");
  const response = await fetch(address, username + password === "" ? {} : { headers: { authorization: `Basic ${login}` } }).catch((error: unknown) => {
    throw notDownloaded(url, error);
  });
  if (!response.ok || response.body === null) {
    throw pxeError("PXE_ASSET_MISSING", `${shown(url)} can't be downloaded: the server answers ${String(response.status)} ${response.statusText}`);
  }
  return Readable.fromWeb(response.body);
}

/** Undici says "terminated" or "fetch failed" and keeps what happened in the cause. */
function notDownloaded(url: string, error: unknown): PxeError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return pxeError("PXE_ASSET_MISSING", `${shown(url)} can't be downloaded: ${errorText(cause).replaceAll(url, shown(url))}`, { cause: error });
}

function defaultFolder(): string {
  const cache = process.env["XDG_CACHE_HOME"] ?? path.join(os.homedir(), ".cache");
  return path.join(cache, "pulumi-pxe", "assets");
}
