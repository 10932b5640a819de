import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as z from "zod";
import { errorText, pxeError } from "../errors";
import { bundleId } from "./layout";

/** A file to bring to a target. */
export interface LocalFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** The agent as it is installed: one bundle, named by its hash. */
export interface AgentBundle extends LocalFile {
  readonly version: string;
  /** Its folder and systemd instance on the target. */
  readonly id: string;
  /** Text of the manifest that is put beside it. */
  readonly manifest: string;
}

const manifestSchema = z.object({ version: z.string().min(1) });

/**
 * Finds the bundle in `dist/agent` of the package that this code belongs to.
 * @param folder another folder that holds pxe-agent.cjs and manifest.json
 * @throws PXE_INTERNAL when the package was not built
 */
export function agentBundle(folder = join(packageRoot(__dirname), "dist", "agent")): AgentBundle {
  try {
    const path = join(folder, "pxe-agent.cjs");
    const bytes = readFileSync(path);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const { version } = manifestSchema.parse(JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")));
    const manifest = `${JSON.stringify({ version, sha256, size: bytes.length })}\n`;
    return { path, size: bytes.length, sha256, version, id: bundleId(sha256), manifest };
  } catch (cause) {
    throw pxeError("PXE_INTERNAL", `the agent's bundle in ${folder} can't be read: ${errorText(cause)}`, { cause, fix: "Run `npm run build`." });
  }
}

/** The folder of this package's package.json, seen from its sources as from its compiled form. */
export function packageRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (existsSync(file) && (JSON.parse(readFileSync(file, "utf8")) as { name?: unknown }).name === "pulumi-pxe") return folder;
    if (dirname(folder) === folder) throw pxeError("PXE_INTERNAL", `no package.json of pulumi-pxe above ${from}`);
  }
}

/** Measures a file. */
export async function localFile(path: string): Promise<LocalFile> {
  const { sha256, size } = await digests(path);
  return { path, size, sha256 };
}

/** Size and digests of a file: SHA-256 in hexadecimal, SHA-512 as npm writes it. */
export async function digests(path: string): Promise<{ size: number; sha256: string; integrity: string }> {
  const sha256 = createHash("sha256");
  const sha512 = createHash("sha512");
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    sha256.update(chunk);
    sha512.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: sha256.digest("hex"), integrity: `sha512-${sha512.digest("base64")}` };
}
