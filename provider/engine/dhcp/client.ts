import { pxeError, type PxeError } from "../../errors";
import { anyAddress, bootRequest, latin1, options, readOption, relaySubOptions, type DhcpPacket, type SubOption } from "../../wire/dhcp";
import { minimumLength } from "../../wire/dhcp/packet";
import type { Firmware } from "../boot";
import { architectureOf } from "./architecture";
import { readAsk, type Ask } from "./ask";
import { machineIdOf, type MachineId } from "./machine-id";

/** What the relay agent said in option 82; undefined members where it didn't. */
export interface RelayInfo {
  /** RFC 3527: choose the subnet by this address rather than by giaddr. */
  readonly linkSelection: string | undefined;
  /** RFC 5107: call yourself this. */
  readonly serverIdOverride: string | undefined;
  /** RFC 8357: answer to the port that the relay sent from. */
  readonly toSourcePort: boolean;
  /** The relay's port that the client is behind, sub-option 1 (RFC 3046 section 3.1), as bytes. */
  readonly circuitId: Uint8Array | undefined;
  /** Sub-option 2 (RFC 3046 section 3.2). */
  readonly remoteId: Uint8Array | undefined;
}

/** Who asks, and for what. A packet is classified once; policy reads this record, never options. */
export interface ClientRecord {
  /** `52:54:00:12:34:56`; empty when it sent no hardware address. */
  readonly mac: string;
  /** Option 61 in hexadecimal. */
  readonly clientId: string | null;
  /** What its bindings are found by; see `clientKey`. */
  readonly key: string;
  readonly ask: Ask;
  readonly firmware: Firmware;
  /** Option 60, one character a byte; empty when it was not sent. */
  readonly vendorClass: string;
  /** Option 77 as it came, one character a byte; empty when it was not sent. */
  readonly userClass: string;
  /** Codes of option 93, or the one that option 60 names. */
  readonly architectures: readonly number[];
  /** A boot ROM that speaks PXE (option 60 `PXEClient…`). */
  readonly isPxe: boolean;
  /** Firmware that boots by HTTP (option 60 `HTTPClient…`). */
  readonly isHttpClient: boolean;
  readonly isIpxe: boolean;
  /** debian-installer's own DHCP client. */
  readonly isDebianInstaller: boolean;
  readonly machineId: MachineId | undefined;
  /** Bytes that a reply may have, without IP and UDP headers. */
  readonly maxReply: number;
  /** Option 55 in its order; undefined when it was not sent. */
  readonly asksFor: readonly number[] | undefined;
  /** Option 51 in seconds, if it was sent. */
  readonly wantedLeaseTime: number | undefined;
  readonly relay: RelayInfo;
  /** Option 118: the network that it wants an address of (RFC 3011). */
  readonly subnetSelection: string | undefined;
}

/** IP and UDP headers, in bytes. */
const headers = 28;

/** What every client takes (RFC 2131 section 2), and what Ethernet carries: EDK2 drops longer replies. With headers. */
const leastMessage = 576;
const mostMessage = 1500;

/** Bytes of option 61. */
const longestClientId = 255;

const noCodes: readonly number[] = [];

const noRelay: RelayInfo = {
  linkSelection: undefined, serverIdOverride: undefined, toSourcePort: false, circuitId: undefined, remoteId: undefined,
};

/**
 * Reads who asks and for what.
 * @throws PXE_PACKET_MALFORMED for what no client may send: it is to be dropped and counted
 */
export function classify(packet: DhcpPacket): ClientRecord {
  if (packet.op !== bootRequest) throw malformed("it is a reply");
  if (packet.giaddr === "255.255.255.255") throw malformed("its giaddr is the broadcast address");
  const ask = readAsk(packet);
  const clientId = clientIdOf(packet);
  if (clientId === null && packet.hlen === 0) throw malformed("it has neither a hardware address nor a client identifier");
  const hostname = packet.options.get(options.hostname.code);
  if (hostname?.every((byte) => byte === 0) === true) throw malformed("its host name is empty");
  readOption(packet.options, options.vendorSpecific);
  readOption(packet.options, options.vendorOptions);

  const mac = macText(packet.chaddr, packet.hlen);
  const vendorClass = readOption(packet.options, options.vendorClass) ?? "";
  const architectures = architectureCodes(packet, vendorClass);
  const user = packet.options.get(options.userClass.code);
  const userClass = user === undefined ? "" : latin1(user);
  const relay = readOption(packet.options, options.relayAgent);
  return {
    mac,
    clientId,
    key: clientKey(mac, clientId, packet.htype),
    ask,
    firmware: architectureOf(architectures).firmware,
    vendorClass, userClass, architectures,
    isPxe: vendorClass.startsWith("PXEClient"),
    isHttpClient: vendorClass.startsWith("HTTPClient"),
    isIpxe: isIpxe(packet, userClass),
    isDebianInstaller: vendorClass === "d-i",
    machineId: machineIdOf(packet.options.get(options.machineId.code)),
    maxReply: maxReply(packet, ask),
    asksFor: readOption(packet.options, options.parameterList),
    wantedLeaseTime: readOption(packet.options, options.leaseTime),
    relay: relay === undefined ? noRelay : relayInfo(relay),
    subnetSelection: readOption(packet.options, options.subnetSelection),
  };
}

/** A BOOTP client that names no size has 64 bytes for options, which makes 300 of all (RFC 951, RFC 1542 section 2.1). */
function maxReply(packet: DhcpPacket, ask: Ask): number {
  const size = readOption(packet.options, options.maxMessageSize);
  if (ask.kind === "bootp" && size === undefined) return minimumLength;
  return Math.min(mostMessage, Math.max(leastMessage, size ?? leastMessage)) - headers;
}

/**
 * RFC 2131 section 4.2: a binding's key is option 61 if sent, else the hardware address. A client identifier that is just the
 * hardware type and address is the same client without one: one machine shows both in one boot.
 */
export function clientKey(mac: string, clientId: string | null, htype = 1): string {
  if (clientId === null) return `mac ${mac}`;
  return isPlain(mac, clientId, htype) ? `mac ${mac}` : `id ${clientId}`;
}

/** Whether the identifier is the hardware type and address, as `01525400123456`. */
function isPlain(mac: string, clientId: string, htype: number): boolean {
  // A text of another length needs no comparing: two digits and a colon a byte, the last one without.
  const type = hexBytes[htype];
  if (type === undefined || clientId.length !== 2 + ((mac.length + 1) / 3) * 2 || !clientId.startsWith(type)) return false;
  let at = 2;
  for (let index = 0; index < mac.length; index++) {
    // Every third character is a colon.
    if (index % 3 === 2) continue;
    if (mac.charCodeAt(index) !== clientId.charCodeAt(at)) return false;
    at += 1;
  }
  return true;
}

function clientIdOf(packet: DhcpPacket): string | null {
  const bytes = packet.options.get(options.clientId.code);
  if (bytes === undefined) return null;
  if (bytes.length === 0) throw malformed("its client identifier is empty");
  // It is kept with the lease. RFC 3396 would let it fill a datagram; a DUID has 130 bytes at most (RFC 8415 section 11.1).
  if (bytes.length > longestClientId) throw malformed(`its client identifier has ${String(bytes.length)} bytes`);
  return hex(bytes);
}

/** Option 93, or the `Arch:00007` of option 60 where a ROM leaves 93 out. */
function architectureCodes(packet: DhcpPacket, vendorClass: string): readonly number[] {
  if ((packet.options.get(options.clientArchitecture.code)?.length ?? 0) >= 2) {
    return readOption(packet.options, options.clientArchitecture) ?? [];
  }
  if (vendorClass === "") return noCodes;
  const match = /^(?:PXE|HTTP)Client:Arch:(\d{5})/.exec(vendorClass);
  return match === null ? noCodes : [Number(match[1])];
}

/** iPXE sends its bare name in option 77, not the counted form of RFC 3004; both are taken. Option 175 is its own. */
function isIpxe(packet: DhcpPacket, userClass: string): boolean {
  return packet.options.has(options.etherboot.code) || userClass === "iPXE" || userClass.startsWith("\x04iPXE");
}

function relayInfo(items: readonly SubOption[]): RelayInfo {
  return {
    linkSelection: relayAddress(items, relaySubOptions.linkSelection),
    serverIdOverride: relayAddress(items, relaySubOptions.serverIdOverride),
    toSourcePort: items.some((item) => item.code === relaySubOptions.sourcePort),
    circuitId: subOption(items, relaySubOptions.circuitId),
    remoteId: subOption(items, relaySubOptions.remoteId),
  };
}

function relayAddress(items: readonly SubOption[], code: number): string | undefined {
  const value = subOption(items, code);
  if (value?.length !== 4) return undefined;
  const address = value.join(".");
  return address === anyAddress ? undefined : address;
}

function subOption(items: readonly SubOption[], code: number): Uint8Array | undefined {
  return items.find((item) => item.code === code)?.value;
}

const hexBytes: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The first `hlen` bytes as `52:54:00:12:34:56`. */
export function macText(chaddr: Uint8Array, hlen: number): string {
  let text = "";
  for (let index = 0; index < hlen; index++) text += (index === 0 ? "" : ":") + (hexBytes[chaddr[index] ?? 0] ?? "");
  return text;
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += hexBytes[byte] ?? "";
  return text;
}

function malformed(what: string): PxeError {
  return pxeError("PXE_PACKET_MALFORMED", `the DHCP packet is malformed: ${what}`);
}
