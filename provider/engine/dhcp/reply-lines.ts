import { network } from "../../model/ip";
import { anyAddress, messageTypes, options, readOption, type DhcpPacket, type OptionDefinition } from "../../wire/dhcp";

/** What some values are called instead of being shown. */
export type Shown = (value: string) => string;

/** What the reply only repeats of its request, or says of itself. */
const leftOut: readonly number[] = [options.messageType, options.clientId, options.relayAgent, options.machineId].map((option) => option.code);

interface ReadableOption {
  /** As dhcp-options(5) calls it, which is what most configurations and sniffers are read with. */
  readonly name: string;
  readonly read: (packet: DhcpPacket, shown: Shown) => string;
}

function readable<T>(option: OptionDefinition<T>, name: string, text: (value: T, shown: Shown) => string): readonly [number, ReadableOption] {
  return [option.code, {
    name,
    read: (packet, shown) => {
      const value = readOption(packet.options, option);
      return value === undefined ? "" : text(value, shown);
    },
  }];
}

const one = (value: string, shown: Shown) => shown(value);
const many = (values: readonly string[], shown: Shown) => values.map(shown).join(", ");
const seconds = (value: number) => `${String(value)} s`;

const readableOptions = new Map<number, ReadableOption>([
  readable(options.subnetMask, "subnet-mask", one),
  readable(options.routers, "routers", many),
  readable(options.dnsServers, "domain-name-servers", many),
  readable(options.hostname, "host-name", one),
  readable(options.domainName, "domain-name", one),
  readable(options.broadcastAddress, "broadcast-address", one),
  readable(options.leaseTime, "lease-time", seconds),
  readable(options.serverId, "server-identifier", one),
  readable(options.renewalTime, "renewal-time", seconds),
  readable(options.rebindingTime, "rebinding-time", seconds),
  readable(options.tftpServer, "tftp-server-name", one),
  readable(options.bootFile, "bootfile-name", one),
  readable(options.configFile, "configuration-file", one),
  readable(options.pathPrefix, "path-prefix", one),
]);

/**
 * A reply as a network engineer reads it: the address, where the machine boots from, then the options by number. What is only the
 * request's own, repeated, stays out: the text is the same for every exchange of this kind.
 */
export function replyLines(packet: DhcpPacket, cidr: string, shown: Shown): string[] {
  if (readOption(packet.options, options.messageType) === messageTypes.nak) return [`refused: ${readOption(packet.options, options.message) ?? ""}`];
  const header = [
    ...(packet.yiaddr === anyAddress ? [] : [`address ${shown(packet.yiaddr)}/${String(network(cidr).prefix)}`]),
    ...(packet.siaddr === anyAddress ? [] : [`next-server ${shown(packet.siaddr)}`]),
    ...(packet.file === "" ? [] : [`boot-file ${packet.file}`]),
  ];
  const codes = [...packet.options.keys()].filter((code) => !leftOut.includes(code)).sort((a, b) => a - b);
  return [...header, ...codes.map((code) => optionLine(packet, code, shown))];
}

function optionLine(packet: DhcpPacket, code: number, shown: Shown): string {
  const known = readableOptions.get(code);
  if (known === undefined) return `option ${String(code)} 0x${Buffer.from(packet.options.get(code) ?? []).toString("hex")}`;
  return `option ${String(code)} ${known.name} ${known.read(packet, shown)}`;
}
