import { writeFileSync } from "node:fs";
import type { DhcpLab } from "./dhcp-lab";
import type { Namespace, Running } from "./netns";

/** Sets the interface and the way out as the scripts of dhclient and udhcpc do. */
export const configure = [
  '[ -n "$new_ip_address" ] && ip address replace "$new_ip_address/24" dev eth0',
  'case "$1" in bound|renew) ip address flush dev eth0; ip address add "$ip/24" dev eth0;; deconfig) ip address flush dev eth0;; esac',
  'gateway=${new_routers:-$router}; [ -n "$gateway" ] && ip route replace default via "${gateway%% *}"',
];

/** ISC's client, on until the test ends; `config` are lines of dhclient.conf(5). */
export function dhclient(lab: DhcpLab, script: string, { on = lab.client, config = [], leases = [] }: { on?: Namespace; config?: readonly string[]; leases?: readonly string[] } = {}): Running {
  const file = (name: string, lines: readonly string[]): string => {
    const path = lab.file(name);
    writeFileSync(path, [...lines, ""].join("\n"));
    return path;
  };
  return on.start(lab.t, "dhclient", ["-4", "-d", "-v", "-lf", file("leases", leases), "-pf", lab.file("pid"), "-cf", file("dhclient.conf", config), "-sf", script, "eth0"]);
}

/** What dhclient remembers of a lease that it thinks it still has. */
export function remembered(address: string, server: string): readonly string[] {
  return [
    "lease {", '  interface "eth0";', `  fixed-address ${address};`, "  option subnet-mask 255.255.255.0;", "  option dhcp-lease-time 86400;",
    `  option dhcp-server-identifier ${server};`, "  renew 0 2037/01/04 00:00:00;", "  rebind 0 2037/01/04 00:00:00;", "  expire 0 2037/01/04 00:00:00;", "}",
  ];
}

/** udhcpc that goes on until the test ends: SIGUSR1 makes it renew, SIGUSR2 release. */
export function udhcpc(lab: DhcpLab, on: Namespace = lab.client, ...more: readonly string[]): Running {
  return on.start(lab.t, "udhcpc", ["-i", "eth0", "-f", "-t", "5", "-T", "1", "-A", "1", "-s", lab.script(...configure).script, ...more]);
}
