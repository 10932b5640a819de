import type { Shell } from "./shell";

/** Seconds after which a deployment goes on beside the other one: the lock of an operator whose network died may last for hours. */
export const lockPatience = 120;

/**
 * Holds a lock for as long as its input is open: the kernel takes it from whoever is gone. On a folder that every machine has, so
 * that none is left behind: root's own, which no other user can open and keep locked. Where flock (util-linux) is missing, nothing
 * is waited for.
 */
const script = `command -v flock >/dev/null 2>&1 || { echo none; exit 0; }
if [ -d /root ] && [ -r /root ]; then exec 9</root; else exec 9</; fi
flock -n 9 || { echo waiting; flock -w ${String(lockPatience)} 9; } && echo mine || echo busy
cat >/dev/null`;

/** Runs a deployment when no other one, of whatever process or machine, is at work on the target: they would upload the same files. */
export async function deployAlone<T>(shell: Shell, progress: (line: string) => void, work: () => Promise<T>): Promise<T> {
  const release = await acquire(shell, progress);
  try {
    return await work();
  } finally {
    release();
  }
}

async function acquire(shell: Shell, progress: (line: string) => void): Promise<() => void> {
  const { stream } = await shell.line(script);
  const release = (): void => {
    stream.end();
    stream.destroy();
  };
  stream.on("error", () => undefined);
  return new Promise((resolve) => {
    const settled = (): void => {
      resolve(release);
    };
    let said = "";
    stream.on("data", (chunk: Buffer) => {
      const before = said;
      said += chunk.toString("latin1");
      if (!before.includes("waiting") && said.includes("waiting")) progress(`another deployment is at work on ${shell.label}: waiting for it`);
      if (said.includes("busy\n")) progress(`the other deployment has been at work on ${shell.label} for ${String(lockPatience)} s: going on beside it`);
      if (/^(mine|busy|none)\n/m.test(said)) settled();
    });
    // Where the script can't even be run, the deployment itself says why.
    for (const event of ["end", "close"]) stream.once(event, settled);
  });
}
