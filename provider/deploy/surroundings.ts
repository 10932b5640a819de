import type { FirewallSeen } from "./firewall";
import { layout, networkUnit } from "./layout";

/** What of a target's own settings bears on the agent. */
export interface Surroundings {
  /** Unix time in seconds, as the target has it. */
  readonly clock: number | undefined;
  /** Interfaces whose address comes of DHCP. */
  readonly dynamic: ReadonlySet<string>;
  /** Interface name → its addresses with prefix, `10.77.0.1/24`. */
  readonly prefixed: ReadonlyMap<string, readonly string[]>;
  /** Whether programs may not be run where ours goes. */
  readonly noexec: boolean;
  readonly selinux: "enforcing" | "permissive" | undefined;
  /** Path → the type in its SELinux label. */
  readonly labels: ReadonlyMap<string, string>;
  readonly hasNft: boolean;
  readonly firewall: FirewallSeen;
  /** State of the unit that holds the network settings: `active`, `failed`, …; empty without one. */
  readonly networkUnit: string;
  /** Whose server the network settings are of; empty without any. */
  readonly networkOwner: string;
  /** Whether our table of address translation is there, and translates. */
  readonly natTable: boolean;
  readonly forwarding: boolean;
}

/** The table that translates addresses: ours alone. */
export const natTable = "ip pulumi_pxe";

/** sh lines for `observeScript`; they use its `say` and `have`. */
export const surroundingsScript = `
say clock "$(date +%s)"
have ip && ip -o -4 addr show | awk '{print "prefixed\\t" $2 " " $4} / dynamic /{print "dynamic\\t" $2}'
there=${layout.root}; while [ ! -d "$there" ]; do there=$(dirname "$there"); done
say noexec "$(there="$(readlink -f "$there")/" awk '{
  mount = $2; gsub(/\\\\040/, " ", mount); sub(/\\/*$/, "/", mount)
  if (substr(ENVIRON["there"], 1, length(mount)) == mount && length(mount) >= longest) { longest = length(mount); options = $4 }
} END { if (("," options ",") ~ /,noexec,/) print "yes" }' /proc/self/mounts)"
if [ -r /sys/fs/selinux/enforce ]; then
  [ "$(cat /sys/fs/selinux/enforce)" = 1 ] && say selinux enforcing || say selinux permissive
  for path in ${layout.programs} ${layout.launcher} ${layout.nodes} ${layout.nodes}/*/bin/node ${layout.keyFolder} ${layout.authorizedKeys}; do
    [ -e "$path" ] && say label "$path $(stat -c %C "$path" | cut -d: -f3)"
  done
fi

# Each call takes its time, so there is but one; it fails where firewalld doesn't run.
if have firewall-cmd && zones=$(firewall-cmd --list-all-zones 2>/dev/null); then
  say firewalld-default "$(sed -n 's/^DefaultZone=//p' /etc/firewalld/firewalld.conf)"
  printf '%s\\n' "$zones" | awk '{print "firewalld-settings\\t" $0}'
  for service in $(printf '%s\\n' "$zones" | sed -n 's/^  services: //p; s/.*service name="\\([^"]*\\)".*/\\1/p' | tr ' ' '\\n' | sort -u); do
    for path in /etc/firewalld/services/$service.xml /usr/lib/firewalld/services/$service.xml; do
      [ -r "$path" ] || continue
      say firewalld-service "$service $(grep -oE '<(port|protocol|include) [^>]*>' "$path" | tr '\\n' ' ')"
      break
    done
  done
  have nft && rules=$(nft -j -t list table inet firewalld 2>/dev/null) && say nftables "$rules"
elif have ufw && rules=$(ufw status verbose 2>/dev/null) && [ "\${rules%%active*}" = 'Status: ' ]; then
  printf '%s\\n' "$rules" | awk '{print "ufw\\t" $0}'
  say ufw "Forward: $(sed -n 's/^DEFAULT_FORWARD_POLICY="*\\([A-Z]*\\).*/\\1/p' /etc/default/ufw 2>/dev/null)"
elif have nft; then
  # A set of many thousands says nothing of ports, and would take its time on the way.
  rules=$(nft -j -t list ruleset 2>/dev/null) && [ "\${#rules}" -lt 8000000 ] && say nftables "$rules"
  # Rules that iptables has made in words of its own; its chains are in capitals.
  case "$rules" in *'"xt":'*|*'"name": "INPUT"'*) have iptables && iptables -S 2>/dev/null | awk '{print "iptables\\t" $0}';; esac
elif have iptables; then
  iptables -S 2>/dev/null | awk '{print "iptables\\t" $0}'
fi
say outward "$(ip -4 route show default 2>/dev/null | sed -n '1s/.* dev \\([^ ]*\\).*/\\1/p')"
[ -r ${layout.networkScript} ] && say network-owner "$(sed -n 's/^# owner //p' ${layout.networkScript})"
[ -r ${layout.networkScript} ] && sed -n 's/^# opened \\(.*\\)/opened\\t\\1/p' ${layout.networkScript}
if have nft; then
  say nft-there yes
  nft list table ${natTable} 2>/dev/null | grep -q masquerade && say nat-table yes
fi
say forwarding "$(cat /proc/sys/net/ipv4/ip_forward 2>/dev/null)"
have systemctl && [ -e ${layout.networkUnit} ] && say network-unit "$(systemctl is-active ${networkUnit})"
`;

/** Reads what `surroundingsScript` said. @param all the values of a key, in their order */
export function parseSurroundings(all: (key: string) => readonly string[]): Surroundings {
  const one = (key: string): string => all(key)[0] ?? "";
  const some = (key: string): readonly string[] | undefined => (all(key).length === 0 ? undefined : all(key));
  const selinux = one("selinux");
  const settings = some("firewalld-settings");
  const prefixed = new Map<string, string[]>();
  for (const line of all("prefixed")) {
    const [name = "", address = ""] = line.split(" ");
    prefixed.set(name, [...(prefixed.get(name) ?? []), address]);
  }
  return {
    clock: one("clock") === "" ? undefined : Number(one("clock")),
    dynamic: new Set(all("dynamic")),
    prefixed,
    noexec: one("noexec") === "yes",
    selinux: selinux === "enforcing" || selinux === "permissive" ? selinux : undefined,
    labels: new Map(all("label").map((line) => [line.split(" ")[0] ?? "", line.split(" ")[1] ?? ""])),
    hasNft: one("nft-there") === "yes",
    firewall: {
      firewalld: settings === undefined ? undefined : { settings, byDefault: one("firewalld-default"), services: all("firewalld-service") },
      ufw: some("ufw"), nftables: some("nftables")?.[0], iptables: some("iptables"), opened: all("opened"), outward: one("outward") === "" ? undefined : one("outward"),
    },
    networkUnit: one("network-unit"),
    networkOwner: one("network-owner"),
    natTable: one("nat-table") === "yes",
    forwarding: one("forwarding") === "1",
  };
}
