import type { EventKind, NewEvent } from "../../model/control";
import type { Exchange } from "./exchange";

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
