import type { EventKind, NewEvent } from "../../model/control";
import type { Exchange } from "./exchange";

/** An event about the client of an exchange. */
export function clientEvent(exchange: Exchange, kind: EventKind, address: string | null, text: string): NewEvent {
  return { kind, host: exchange.host?.document.name ?? null, mac: exchange.client.mac, address, text };
}

/** `52:54:00:12:34:56 (db1, bios, boots: install)`. */
export function clientText(exchange: Exchange): string {
  const { client, host, boot } = exchange;
  const facts = [
    ...(host === undefined ? [] : [host.document.name]),
    ...(client.isPxe || client.isHttpClient ? [client.firmware, `boots: ${boot.action}`] : []),
  ];
  return facts.length === 0 ? client.mac : `${client.mac} (${facts.join(", ")})`;
}
