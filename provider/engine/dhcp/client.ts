import { pxeError, type PxeError } from "../../errors";
import { anyAddress, bootRequest, options, readOption, relaySubOptions, type DhcpPacket, type SubOption } from "../../wire/dhcp";
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
}

/** IP and UDP headers, in bytes. */
const headers = 28;

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

  const mac = macText(packet.chaddr.subarray(0, packet.hlen));
  const vendorClass = readOption(packet.options, options.vendorClass) ?? "";
  const architecture = architectureOf(architectureCodes(packet, vendorClass));
  return {
    mac,
    clientId,
    key: clientKey(mac, clientId, packet.htype),
    ask,
    firmware: architecture.firmware,
    isPxe: vendorClass.startsWith("PXEClient"),
    isHttpClient: vendorClass.startsWith("HTTPClient"),
    isIpxe: isIpxe(packet),
    isDebianInstaller: vendorClass === "d-i",
    machineId: machineIdOf(packet.options.get(options.machineId.code)),
    maxReply: Math.min(1500, Math.max(576, readOption(packet.options, options.maxMessageSize) ?? 576)) - headers,
    asksFor: readOption(packet.options, options.parameterList),
    wantedLeaseTime: readOption(packet.options, options.leaseTime),
    relay: relayInfo(readOption(packet.options, options.relayAgent) ?? []),
  };
}

/**
 * RFC 2131 section 4.2: a binding's key is option 61 if sent, else the hardware address. A client identifier that is just the
 * hardware type and address is the same client without one: one machine shows both in one boot.
 */
export function clientKey(mac: string, clientId: string | null, htype = 1): string {
  const plain = htype.toString(16).padStart(2, "0") + mac.replaceAll(":", "");
  return clientId === null || clientId === plain ? `mac ${mac}` : `id ${clientId}`;
}

function clientIdOf(packet: DhcpPacket): string | null {
  const bytes = packet.options.get(options.clientId.code);
  if (bytes === undefined) return null;
  if (bytes.length === 0) throw malformed("its client identifier is empty");
  return hex(bytes);
}

/** Option 93, or the `Arch:00007` of option 60 where a ROM leaves 93 out. */
function architectureCodes(packet: DhcpPacket, vendorClass: string): readonly number[] {
  if ((packet.options.get(options.clientArchitecture.code)?.length ?? 0) >= 2) {
    return readOption(packet.options, options.clientArchitecture) ?? [];
  }
  const match = /^(?:PXE|HTTP)Client:Arch:(\d{5})/.exec(vendorClass);
  return match === null ? [] : [Number(match[1])];
}

/** iPXE sends its bare name in option 77, not the counted form of RFC 3004; both are taken. Option 175 is its own. */
function isIpxe(packet: DhcpPacket): boolean {
  if (packet.options.has(options.etherboot.code)) return true;
  const userClass = packet.options.get(options.userClass.code);
  if (userClass === undefined) return false;
  const text = Buffer.from(userClass).toString("latin1");
  return text === "iPXE" || text.startsWith("\x04iPXE");
}

function relayInfo(items: readonly SubOption[]): RelayInfo {
  return {
    linkSelection: relayAddress(items, relaySubOptions.linkSelection),
    serverIdOverride: relayAddress(items, relaySubOptions.serverIdOverride),
    toSourcePort: items.some((item) => item.code === relaySubOptions.sourcePort),
  };
}

function relayAddress(items: readonly SubOption[], code: number): string | undefined {
  const value = items.find((item) => item.code === code)?.value;
  if (value === undefined || value.length !== 4) return undefined;
  const address = value.join(".");
  return address === anyAddress ? undefined : address;
}

function macText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function malformed(what: string): PxeError {
  return pxeError("PXE_PACKET_MALFORMED", `the DHCP packet is malformed: ${what}`);
}
