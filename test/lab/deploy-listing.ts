import type { Target } from "../../lab";

/** What the system itself writes while it runs, whoever logs in. */
const noise = ["/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/var/log", "/var/lib/systemd", "/var/lib/private", "/var/cache"];

/**
 * Every path on a target's disk with its mode, owner, size and, except for folders, its time of change. Without what the system
 * writes by itself, and without the `-` copies that passwd(5)'s tools leave.
 */
export async function targetListing(target: Target, root = "/"): Promise<string[]> {
  const prune = noise.map((path) => `-path ${path}`).join(" -o ");
  const { stdout } = await target.exec(
    `find ${root} -xdev \\( ${prune} \\) -prune -o -type d -printf '%p %M %u:%g\\n' -o -printf '%p %M %u:%g %s %T@ %l\\n'`,
  );
  return stdout.trim().split("\n").filter((line) => !/^\/etc\/(passwd|shadow|group|gshadow|subuid|subgid)- /.test(line) && !/^\/etc\/\.pwd\.lock /.test(line)).sort();
}
