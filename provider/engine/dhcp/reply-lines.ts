import { network } from "../../model/ip";
import { anyAddress, messageTypes, options, optionsByCode, readOption, type DhcpPacket } from "../../wire/dhcp";
import { optionNames } from "./option-names";

/** What some values are called instead of being shown. */
export type Shown = (value: string) => string;

/** What the reply only repeats of its request, or says of itself. */
const leftOut: readonly number[] = [options.messageType, options.clientId, options.relayAgent, options.machineId].map((option) => option.code);

const inSeconds: readonly number[] = [options.leaseTime, options.renewalTime, options.rebindingTime, options.rebootTime, options.ipv6Only].map((option) => option.code);

const textTypes: readonly string[] = [options.domainName, options.bootFile].map((option) => option.type.name);

/**
 * A reply as a network engineer reads it: the address, where the machine boots from, then the options by number. What is only the
 * request's own, repeated, stays out: the text is the same for every exchange of this kind.
 */
export function replyLines(packet: DhcpPacket, cidr: string, shown: Shown): string[] {
  if (readOption(packet.options, options.messageType) === messageTypes.nak) return [`refused: ${readOption(packet.options, options.message) ?? ""}`];
  const header = [
    ...(packet.yiaddr === anyAddress ? [] : [`address ${shown(packet.yiaddr)}/${String(network(cidr).prefix)}`]),
    ...(packet.siaddr === anyAddress ? [] : [`next-server ${shown(packet.siaddr)}`]),
    ...(packet.sname === "" ? [] : [`server-name ${shown(packet.sname)}`]),
    ...(packet.file === "" ? [] : [`boot-file ${packet.file}`]),
  ];
  const codes = [...packet.options.keys()].filter((code) => !leftOut.includes(code)).sort((a, b) => a - b);
  return [...header, ...codes.map((code) => optionLine(code, packet.options.get(code) ?? new Uint8Array(0), shown))];
}

function optionLine(code: number, bytes: Uint8Array, shown: Shown): string {
  const name = optionNames.get(code);
  const text = optionText(code, bytes, shown) ?? hex(bytes);
  return ["option", String(code), ...(name === undefined ? [] : [name]), ...(text === "" ? [] : [text])].join(" ");
}

/** The value in words; undefined where it has none but its bytes. */
function optionText(code: number, bytes: Uint8Array, shown: Shown): string | undefined {
  const option = optionsByCode.get(code);
  if (option === undefined) return undefined;
  if (textTypes.includes(option.type.name)) return plainText(bytes, shown);
  let value: unknown;
  try {
    value = option.type.decode(bytes, option.label);
  } catch {
    // A raw option may be of another type than the number usually has.
    return undefined;
  }
  return inSeconds.includes(code) && typeof value === "number" ? secondsText(value) : valueText(value, shown);
}

/** RFC 2131 section 3.3: all ones is for ever. */
function secondsText(value: number): string {
  return value === 0xffffffff ? "infinite" : `${String(value)} s`;
}

/** Texts are sent as UTF-8 where they were declared, and may be anything where they are raw. */
function plainText(bytes: Uint8Array, shown: Shown): string | undefined {
  const text = Buffer.from(bytes).toString("utf8").replace(/\0+$/, "");
  return /[\0-\x1f\x7f\ufffd]/.test(text) ? undefined : shown(text);
}

function valueText(value: unknown, shown: Shown): string | undefined {
  if (typeof value === "string") return shown(value);
  if (typeof value === "number") return String(value);
  if (typeof value === "boolean") return value ? "true" : "false";
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return listText(value, shown);
  return undefined;
}

/** Items with commas between; a pair of addresses or a route has its two words. */
function listText(items: readonly unknown[], shown: Shown): string | undefined {
  const texts = items.map((item) => {
    if (isRoute(item)) return `${item.destination} via ${shown(item.router)}`;
    if (isSubOption(item)) return `${String(item.code)}=${hex(item.value)}`;
    if (Array.isArray(item)) return item.map((each) => valueText(each, shown) ?? "").join(" ");
    return valueText(item, shown);
  });
  return texts.every((text) => text !== undefined) ? texts.join(", ") : undefined;
}

function isRoute(item: unknown): item is { readonly destination: string; readonly router: string } {
  return typeof item === "object" && item !== null && "router" in item && "destination" in item;
}

function isSubOption(item: unknown): item is { readonly code: number; readonly value: Uint8Array } {
  return typeof item === "object" && item !== null && "code" in item && "value" in item;
}

function hex(bytes: Uint8Array): string {
  return bytes.length === 0 ? "" : `0x${Buffer.from(bytes).toString("hex")}`;
}
