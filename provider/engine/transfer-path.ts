/** Longest path that is looked up, bytes; no file that is served comes near. */
const longest = 255;

/**
 * The path of a requested file inside the served tree: no leading slash, forward slashes, no empty, `.` or `..` part. Undefined
 * where the name is refused: it leads out of the tree, names a folder or nothing, hides a separator behind percent signs, or
 * holds control bytes. `a/../b` is served as `b`: pxelinux sends such names.
 */
export function bootPath(name: string): string | undefined {
  // Old ROMs append 0xff to a name that DHCP gave them without a NUL.
  const path = name.replace(/\xff+$/, "").replaceAll("\\", "/");
  if (path.length > longest || /[\x00-\x1f\x7f]/.test(path) || /%(2e|2f|5c|0)/i.test(path)) return undefined;
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  const last = path.split("/").at(-1);
  if (parts.length === 0 || last === "" || last === "." || last === "..") return undefined;
  return parts.join("/");
}
