import { gunzipSync } from "node:zlib";

const block = 512;

/** The bytes of one file in a gzipped tarball (POSIX ustar); undefined when it isn't in it. */
export function readTarEntry(tarball: Buffer, name: string): Buffer | undefined {
  const tar = gunzipSync(tarball);
  for (let offset = 0; offset + block <= tar.length; ) {
    const header = tar.subarray(offset, offset + block);
    const path = [field(header, 345, 155), field(header, 0, 100)].filter((part) => part !== "").join("/");
    if (path === "") return undefined;
    const size = Number.parseInt(field(header, 124, 12).trim() || "0", 8);
    const start = offset + block;
    if (path === name) return start + size <= tar.length ? Buffer.from(tar.subarray(start, start + size)) : undefined;
    offset = start + Math.ceil(size / block) * block;
  }
  return undefined;
}

function field(header: Buffer, start: number, length: number): string {
  const bytes = header.subarray(start, start + length);
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end === -1 ? length : end).toString("utf8");
}
