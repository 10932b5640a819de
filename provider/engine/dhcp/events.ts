import type { EventKind, NewEvent } from "../../model/control";
import type { Exchange } from "./exchange";

/** Characters of a client's own text that are shown. */
const shownLength = 64;

/**
 * A client's own text for events, logs and reasons: one line of printable ASCII, everything else as `\x0a`, cut to a length. Text
 * of a packet goes nowhere without this (NETBOOT F8).
 * @param text one character a byte
 */
export function cleaned(text: string, length = shownLength): string {
  const shown = text.slice(0, length).replace(/[^\x20-\x5b\x5d-\x7e]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return text.length > length ? `${shown}…` : shown;
}

/** An event about the client of an exchange. */
export function clientEvent(exchange: Exchange, kind: EventKind, address: string | null, text: string): NewEvent {
  return { kind, host: exchange.host?.document.name ?? null, mac: exchange.client.mac, address, text };
}

/** `52:54:00:12:34:56 (db1, bios, boots: install)`. */
export function clientText(exchange: Exchange): string {
  const { client, host, boot } = exchange;
  const name = host?.document.name;
  if (!client.isPxe && !client.isHttpClient) return name === undefined ? client.mac : `${client.mac} (${name})`;
  return `${client.mac} (${name === undefined ? "" : `${name}, `}${client.firmware}, boots: ${boot.action})`;
}
