import { layout, systemUser } from "./layout";
import { surroundingsScript } from "./surroundings";

/** First word of the report; without it something else than our script has answered. */
export const reportHeader = "pulumi-pxe-report";

/**
 * A POSIX sh script that reads everything a deployment asks about a target and changes nothing. It prints lines
 * `key<TAB>value`; keys may repeat. It runs to its end without root too, and then says less.
 * @param ports what will be listened on
 */
export function observeScript(ports: { readonly udp: readonly number[]; readonly tcp: readonly number[] }): string {
  const filter = (list: readonly number[]): string => (list.length === 0 ? "sport = :0" : list.map((port) => `sport = :${String(port)}`).join(" or "));
  return `
LC_ALL=C; export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
say() { printf '%s\\t%s\\n' "$1" "$2"; }
have() { command -v "$1" >/dev/null 2>&1; }
room() { d=$1; while [ ! -d "$d" ]; do d=$(dirname "$d"); done; df -Pk "$d" | awk 'NR==2 {print $4}'; }
say ${reportHeader} 1
say system "$(uname -s)"
say machine "$(uname -m)"
say uid "$(id -u)"
say user "$(id -un)"
[ -d /run/systemd/system ] && say init systemd || say init "$(cat /proc/1/comm 2>/dev/null)"
say libc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
for tool in awk df gzip sha256sum systemctl tar useradd; do have "$tool" || say missing "$tool"; done
for node in "$(command -v node)" /usr/bin/node /usr/local/bin/node; do
  [ -x "$node" ] || continue
  node=$(readlink -f "$node")
  case " $seen " in *" $node "*) continue;; esac
  seen="$seen $node"
  say node "$("$node" -p process.versions.node 2>/dev/null) $node"
done
say room-program "$(room ${layout.root})"
say room-data "$(room ${layout.home})"
for path in /sys/class/net/*; do
  name=\${path##*/}
  [ -e "$path/ifindex" ] && say interface "$name"
done
have ip && ip -o -4 addr show | awk '{print "address\\t" $2 " " $4}'
if have ss; then
  ss -Hlunp '${filter(ports.udp)}' 2>/dev/null | awk '{print "udp\\t" $0}'
  ss -Hltnp '${filter(ports.tcp)}' 2>/dev/null | awk '{print "tcp\\t" $0}'
else
  listeners() { # protocol, state, ports in decimal
    for port in $3; do
      hex=$(printf '%04X' "$port")
      for file in /proc/net/$1 /proc/net/\${1}6; do
        [ -r "$file" ] || continue
        awk -v hex=":$hex" -v state="$2" 'substr($2, length($2) - 4) == hex && $4 == state {print $2 " " $10}' "$file"
      done | while read -r local inode; do
        owner=$(find /proc/[0-9]*/fd -lname "socket:\\[$inode\\]" 2>/dev/null | head -n 1)
        pid=\${owner#/proc/}; pid=\${pid%%/*}
        say "$1-proc" "$local $pid $(cat "/proc/$pid/comm" 2>/dev/null)"
      done
    done
  }
  listeners udp 07 '${ports.udp.join(" ")}'
  listeners tcp 0A '${ports.tcp.join(" ")}'
fi
say lowest-port "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start 2>/dev/null)"
say account "$(getent passwd ${systemUser})"
say group "$(getent group ${systemUser})"
for path in ${layout.root} ${layout.home} ${layout.data} ${layout.keyFolder} ${layout.authorizedKeys} ${layout.launcher} ${layout.unit} ${layout.networkScript} ${layout.networkUnit} ${layout.sysctl}; do
  [ -e "$path" ] && say stat "$(stat -c '%n %a %U:%G' "$path")"
done
for path in ${layout.launcher} ${layout.unit} ${layout.networkScript} ${layout.networkUnit} ${layout.sysctl} ${layout.bundles}/*/pxe-agent.cjs ${layout.bundles}/*/koffi.node; do
  [ -r "$path" ] && say sum "$(sha256sum "$path")"
done
if [ -r ${layout.authorizedKeys} ]; then
  while IFS= read -r line || [ -n "$line" ]; do say key "$line"; done <${layout.authorizedKeys}
fi
say current "$(readlink ${layout.current})"
say current-version "$(sed -n 's/.*"version": *"\\([^"]*\\)".*/\\1/p' ${layout.current}/manifest.json 2>/dev/null)"
say node-link "$(readlink ${layout.nodeLink})"
[ -x ${layout.nodeLink} ] && say node-link-version "$(${layout.nodeLink} -p process.versions.node 2>/dev/null)"
if have systemctl && [ -d /run/systemd/system ]; then
  systemctl list-units --all --plain --no-legend 'pulumi-pxe@*.service' | awk '{print $1}' | while read -r unit; do
    say unit "$unit $(systemctl show -p ActiveState,MainPID --value "$unit" | tr '\\n' ' ')"
  done
  for path in /etc/systemd/system/multi-user.target.wants/pulumi-pxe@*.service; do
    [ -L "$path" ] && say enabled "\${path##*/}"
  done
fi
${surroundingsScript}
[ -e ${layout.kept} ] && say kept yes
say end 1
`;
}
