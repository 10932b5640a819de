/** What PXELINUX is told for an installation. Paths are URL paths on the agent (`/a/<sha256>/linux`) or asset placeholders. */
export interface PxelinuxInstall {
  /** One line for the screen. */
  readonly title: string;
  readonly kernel: string;
  readonly initrd: readonly string[];
  readonly append: string;
}

/** How PXELINUX fetches kernel and initrd. */
export type PxelinuxTransport = "tftp" | "http";

/** Only `lpxelinux.0` speaks HTTP (SYSLINUX doc/syslinux.txt, "Network"). */
export function pxelinuxTransport(program: string | undefined): PxelinuxTransport {
  return program !== undefined && /(^|\/)lpxelinux/.test(program) ? "http" : "tftp";
}

/** Configuration that boots the installer without asking. */
export function pxelinuxInstall(input: PxelinuxInstall, transport: PxelinuxTransport, server: string): string {
  // "::" leaves out the folder that PXELINUX itself came from.
  const file = (path: string): string => (transport === "http" ? `http://${server}${path}` : `::${path}`);
  return [
    "DEFAULT install",
    "PROMPT 0",
    `SAY ${input.title}`,
    "LABEL install",
    `  KERNEL ${file(input.kernel)}`,
    `  INITRD ${input.initrd.map(file).join(",")}`,
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
