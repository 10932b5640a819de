import fs from "node:fs";
import path from "node:path";
import { isOn } from "./paths";
import { run } from "./process";
import type { Ledger } from "./registry";

/** A path inside the options of overlayfs, where `:` and `,` part fields. */
const quoted = (text: string): string => text.replace(/[\\:,]/g, "\\$&");

/** Mounts a writable view of a read-only root below `folder`; what is written goes away with the lab. Returns its path. */
export async function mountOverlay(ledger: Ledger, lower: string, folder: string): Promise<string> {
  const merged = path.join(folder, "root");
  await ledger.make([{ kind: "mount", path: folder }, { kind: "mount", path: merged }], async () => {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Inside a container the state folder may itself be an overlay, which can't be the upper layer of another.
    if (isOn("overlay", folder)) await run("mount", ["-t", "tmpfs", "-o", "mode=0700", "tmpfs", folder]);
    const [upper, work] = [path.join(folder, "upper"), path.join(folder, "work")];
    for (const each of [upper, work, merged]) fs.mkdirSync(each);
    fs.chmodSync(upper, 0o755);
    const options = `lowerdir=${quoted(lower)},upperdir=${quoted(upper)},workdir=${quoted(work)}`;
    await run("mount", ["-t", "overlay", "overlay", "-o", options, merged]);
  });
  return merged;
}
