import { placeholders } from "./placeholders";

/** What the installer's kernel command line depends on. */
export interface KernelArgsInput {
  readonly family: "debian" | "rhel";
  /** Anaconda's `inst.repo`, where the profile names one. */
  readonly repository?: string | undefined;
  readonly hostname: string;
  readonly domainName?: string | undefined;
  readonly routers: readonly string[];
  readonly dnsServers: readonly string[];
  /** File name of the answer file, if the profile has one. */
  readonly answerFile?: string | undefined;
  /** The profile's own additions, last so that they win. */
  readonly extra: string;
}

/**
 * The installer's kernel arguments.
 * Debian: preseed appendix of the installation guide, "Using preseeding / Auto mode"; `priority=critical` keeps d-i from asking
 * what has a default. Red Hat family: Anaconda's boot-options documentation; `ip=dhcp` before `inst.ks` brings the network up.
 */
export function kernelArgs(input: KernelArgsInput): string {
  const url = input.answerFile === undefined ? undefined : `http://${placeholders.server}/answer/${placeholders.token}/${input.answerFile}`;
  const parts = input.family === "debian" ? debianArgs(input, url) : rhelArgs(input, url);
  return [...parts, input.extra].filter((part) => part !== "").join(" ");
}

function debianArgs(input: KernelArgsInput, url: string | undefined): string[] {
  return [
    ...(url === undefined ? [] : ["auto=true", "priority=critical", `url=${url}`]),
    "interface=auto",
    `hostname=${input.hostname}`,
    // An empty domain must be given too: netcfg asks for it otherwise.
    `domain=${input.domainName ?? ""}`,
    ...(input.routers.length > 0 ? [] : unroutedArgs(input.dnsServers)),
  ];
}

/** Without a router in the lease netcfg stops, whatever the priority, and asks whether to go on, and then for name servers too. */
function unroutedArgs(dnsServers: readonly string[]): string[] {
  const [first] = dnsServers;
  return ["netcfg/no_default_route=true", ...(first === undefined ? [] : [`netcfg/get_nameservers=${first}`])];
}

function rhelArgs(input: KernelArgsInput, url: string | undefined): string[] {
  return [
    "ip=dhcp",
    ...(url === undefined ? [] : [`inst.ks=${url}`]),
    ...(input.repository === undefined ? [] : [`inst.repo=${input.repository}`]),
  ];
}
