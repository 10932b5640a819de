/** What PXELINUX is told for an installation. Paths are URL paths on the agent (`/a/<sha256>/linux`) or asset placeholders. */
export interface PxelinuxInstall {
  /** One line for the screen. */
  readonly title: string;
  readonly kernel: string;
  readonly initrd: readonly string[];
  readonly append: string;
}

/**
 * Configuration that boots the installer without asking. The kernel and initrd go by HTTP: lpxelinux.0 takes absolute URLs
 * anywhere in place of a file name (SYSLINUX doc/syslinux.txt, "Network").
 */
export function pxelinuxInstall(input: PxelinuxInstall, server: string): string {
  const url = (path: string): string => `http://${server}${path}`;
  return [
    "DEFAULT install",
    "PROMPT 0",
    `SAY ${input.title}`,
    "LABEL install",
    `  KERNEL ${url(input.kernel)}`,
    `  INITRD ${input.initrd.map(url).join(",")}`,
    `  APPEND ${input.append}`,
    // 2: append BOOTIF=, the interface that the machine booted from.
    "  SYSAPPEND 2",
    "",
  ].join("\n");
}

/**
 * Configuration that hands the machine back to its firmware, which goes on with its next boot device.
 * `LOCALBOOT -1` fails the network boot in the firmware's own way (SYSLINUX doc/syslinux.txt): what most BIOSes expect.
 */
export function pxelinuxLocal(title: string): string {
  return ["DEFAULT local", "PROMPT 0", `SAY ${title}`, "LABEL local", "  LOCALBOOT -1", ""].join("\n");
}
