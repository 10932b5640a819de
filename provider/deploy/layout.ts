/** Where things lie on a target with systemd. A contract with every target that was ever deployed to. */
export const layout = {
  root: "/opt/pulumi-pxe",
  bundles: "/opt/pulumi-pxe/bundles",
  nodes: "/opt/pulumi-pxe/node",
  /** Symbolic link to the bundle that serves. */
  current: "/opt/pulumi-pxe/current",
  /** Symbolic link to the Node that runs the agent. */
  nodeLink: "/opt/pulumi-pxe/bin/node",
  programs: "/opt/pulumi-pxe/bin",
  launcher: "/opt/pulumi-pxe/bin/pxe-agent",
  home: "/var/lib/pulumi-pxe",
  data: "/var/lib/pulumi-pxe/data",
  /** Boot files by their hashes: what a deployment brings again. */
  assets: "/var/lib/pulumi-pxe/data/assets",
  /** Owners whose documents the next agent drops before it serves, one a line. */
  forget: "/var/lib/pulumi-pxe/data/forget",
  kept: "/var/lib/pulumi-pxe/KEPT.txt",
  keyFolder: "/var/lib/pulumi-pxe/.ssh",
  authorizedKeys: "/var/lib/pulumi-pxe/.ssh/authorized_keys",
  runtime: "/run/pulumi-pxe",
  socket: "/run/pulumi-pxe/control.sock",
  unit: "/etc/systemd/system/pulumi-pxe@.service",
  /** What makes the target a gateway and opens its firewall, and undoes it. */
  networkScript: "/opt/pulumi-pxe/network/settings",
  /** Whether the target forwarded before it was made a gateway. */
  forwardedBefore: "/opt/pulumi-pxe/network/forwarded-before",
  networkUnit: "/etc/systemd/system/pulumi-pxe-network.service",
  sysctl: "/etc/sysctl.d/60-pulumi-pxe.conf",
} as const;

/** The system user that the agent runs as and that control connections log in as. */
export const systemUser = "pulumi-pxe";

/** The unit that applies the network settings. */
export const networkUnit = "pulumi-pxe-network.service";

/** The systemd instance of a bundle. */
export function unitName(bundleId: string): string {
  return `pulumi-pxe@${bundleId}.service`;
}

/** The first twelve digits of a bundle's SHA-256: its folder and its systemd instance. */
export function bundleId(sha256: string): string {
  return sha256.slice(0, 12);
}

/** An order to the instance of a bundle to take over from the one that serves: good for one start, gone after a reboot. */
export function takeOverOrder(id: string): string {
  return `${layout.runtime}/take-over-${id}`;
}

export function bundleFolder(id: string): string {
  return `${layout.bundles}/${id}`;
}

/** Written beside the data that `destroy` leaves on a target. */
export function keptText(dataFolder: string): string {
  return [
    "pulumi-pxe was removed from this machine, and kept its database on purpose:",
    "",
    `  ${dataFolder}`,
    "",
    "The program, its user and the boot files are gone. The database holds the install history of every machine that was",
    "declared here. With it, a machine that is declared again is recognized as installed and is not wiped. A new deployment",
    "finds it and carries on from it.",
    "",
    "To purge it, and with it the protection of installed machines against being declared as new:",
    "",
    `  rm -r ${dataFolder.replace(/\/[^/]*$/, "")}`,
    "",
  ].join("\n");
}

/**
 * How Node is started for the agent. Megabytes of its young generation: uploads and transfers would fill 16 by default, three times
 * over, which an idle agent never gives back.
 */
export const nodeFlags = ["--max-semi-space-size=2"] as const;
