import { createHash, randomBytes, type Hash } from "node:crypto";
import { constants, lstatSync } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pxeError } from "../errors";

/** An asset that is held. */
export interface HeldAsset {
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** An asset open for reading. It stays what it was when opened, whatever happens to the store meanwhile. */
export interface OpenAsset extends HeldAsset {
  /** The whole content, where it is small enough to be kept in memory. */
  readonly bytes: Buffer | undefined;
  /** Fewer bytes than asked only at the end, or where somebody cut the file. */
  read(offset: number, length: number): Promise<Buffer>;
  /** From `start` to `end`, both included. */
  stream(start: number, end: number): Readable;
  close(): Promise<void>;
}

/** What writing an asset needs of a file; a test passes one that fails. */
export interface AssetFileWriter {
  writeFile(data: AsyncIterable<Uint8Array>): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Sizes in bytes, and the way a new file is opened. */
export interface AssetStoreOptions {
  readonly cacheBudget?: number;
  readonly cachedFile?: number;
  readonly create?: (file: string) => Promise<AssetFileWriter>;
}

const temporary = "incoming-";
const sum = /^[0-9a-f]{64}$/;
/** The folder is the agent's own; O_NONBLOCK and O_NOFOLLOW keep a planted FIFO or link from stopping or leading it out. */
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Boot files by content, in `assets/<sha256>` of the data folder. A name there always stands for a whole, checked file. */
export class AssetStore {
  private readonly held = new Map<string, number>();
  /** Small files by sum, the least recently used first. */
  private readonly cache = new Map<string, Buffer>();
  private cached = 0;
  private readonly cacheBudget: number;
  private readonly cachedFile: number;
  private readonly create: (file: string) => Promise<AssetFileWriter>;

  private constructor(private readonly folder: string, options: AssetStoreOptions) {
    this.cacheBudget = options.cacheBudget ?? 16 * 1024 * 1024;
    this.cachedFile = options.cachedFile ?? 4 * 1024 * 1024;
    this.create = options.create ?? ((file) => open(file, "wx", 0o600));
  }

  /** Opens the store in a data folder; what an interrupted upload left behind is removed. */
  static async at(dataFolder: string, options: AssetStoreOptions = {}): Promise<AssetStore> {
    const folder = path.join(dataFolder, "assets");
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const store = new AssetStore(folder, options);
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const file = path.join(folder, entry.name);
      if (entry.name.startsWith(temporary)) await rm(file, { force: true });
      else if (entry.isFile() && sum.test(entry.name)) store.held.set(entry.name, (await stat(file)).size);
    }
    return store;
  }

  /** Those of the sums that no asset is held for, or whose file somebody has removed or cut. */
  missing(sums: readonly string[]): readonly string[] {
    return sums.filter((sha256) => {
      const size = this.held.get(sha256);
      if (size === undefined) return true;
      const found = lstatSync(path.join(this.folder, sha256), { throwIfNoEntry: false });
      return found?.isFile() !== true || found.size !== size;
    });
  }

  /** Everything that is held, by sum. */
  list(): readonly HeldAsset[] {
    return [...this.held].map(([sha256, size]) => ({ sha256, size })).toSorted((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
  }

  /**
   * Stores an asset; on stable storage when resolved. Nothing is kept of one that fails.
   * @throws PXE_ASSET_HASH where the content is not what `sha256` says, PXE_DISK_FULL; errors of `content` pass through
   */
  async put(sha256: string, content: AsyncIterable<Uint8Array>): Promise<HeldAsset> {
    if (!sum.test(sha256)) throw pxeError("PXE_INPUT_INVALID", `"${sha256}" is not a SHA-256 sum in lower-case hexadecimal`);
    const file = path.join(this.folder, temporary + randomBytes(9).toString("base64url"));
    try {
      const measured = { hash: createHash("sha256"), size: 0 };
      await this.write(file, measure(content, measured));
      const actual = measured.hash.digest("hex");
      if (actual !== sha256) throw pxeError("PXE_ASSET_HASH", `a file was sent as ${sha256} and is ${actual}`);
      await rename(file, path.join(this.folder, sha256));
      await this.syncFolder();
      this.held.set(sha256, measured.size);
      return { sha256, size: measured.size };
    } catch (error) {
      await rm(file, { force: true });
      throw isDiskFull(error) ? pxeError("PXE_DISK_FULL", `no room is left for the asset ${sha256}`, { cause: error }) : error;
    }
  }

  /** Opens an asset; undefined when it isn't held whole. */
  async open(sha256: string): Promise<OpenAsset | undefined> {
    const size = this.held.get(sha256);
    if (size === undefined) return undefined;
    const bytes = this.fromCache(sha256);
    if (bytes !== undefined) return inMemory(sha256, bytes);
    const handle = await openWhole(path.join(this.folder, sha256), size);
    if (handle === undefined) {
      this.held.delete(sha256);
      return undefined;
    }
    return size <= this.cachedFile ? this.load(sha256, size, handle) : onDisk(sha256, size, handle);
  }

  private async load(sha256: string, size: number, handle: FileHandle): Promise<OpenAsset | undefined> {
    try {
      const bytes = await readAt(handle, 0, size);
      if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
        this.held.delete(sha256);
        return undefined;
      }
      this.intoCache(sha256, bytes);
      return inMemory(sha256, bytes);
    } finally {
      await handle.close();
    }
  }

  private fromCache(sha256: string): Buffer | undefined {
    const bytes = this.cache.get(sha256);
    if (bytes === undefined) return undefined;
    this.cache.delete(sha256);
    this.cache.set(sha256, bytes);
    return bytes;
  }

  private intoCache(sha256: string, bytes: Buffer): void {
    if (this.cache.has(sha256)) return;
    this.cache.set(sha256, bytes);
    this.cached += bytes.length;
    for (const [oldest, content] of this.cache) {
      if (this.cached <= this.cacheBudget) break;
      this.cache.delete(oldest);
      this.cached -= content.length;
    }
  }

  private async write(file: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const handle = await this.create(file);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** A rename is durable once its folder is. */
  private async syncFolder(): Promise<void> {
    const handle = await open(this.folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

async function* measure(content: AsyncIterable<Uint8Array>, into: { hash: Hash; size: number }): AsyncIterable<Uint8Array> {
  for await (const chunk of content) {
    into.hash.update(chunk);
    into.size += chunk.length;
    yield chunk;
  }
}

function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === "ENOSPC" || code === "EDQUOT";
}

/** The file, if it is still the regular file of that size that was stored. */
async function openWhole(file: string, size: number): Promise<FileHandle | undefined> {
  const handle = await open(file, readFlags).catch(() => undefined);
  if (handle === undefined) return undefined;
  const found = await handle.stat();
  if (found.isFile() && found.size === size) return handle;
  await handle.close();
  return undefined;
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

function inMemory(sha256: string, bytes: Buffer): OpenAsset {
  return {
    sha256, size: bytes.length, bytes,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
    stream: (start, end) => Readable.from([bytes.subarray(start, end + 1)]),
    close: () => Promise.resolve(),
  };
}

function onDisk(sha256: string, size: number, handle: FileHandle): OpenAsset {
  return {
    sha256, size, bytes: undefined,
    read: (offset, length) => readAt(handle, offset, length),
    stream: (start, end) => handle.createReadStream({ start, end, autoClose: false, highWaterMark: 256 * 1024 }),
    close: () => handle.close(),
  };
}
