import type { ClientClass } from "../../model/dhcp-settings";
import type { ClientRecord } from "./client";

/** The classes that the client belongs to, in the order of their declaration: those whose members it fits, all of them. */
export function classesOf(classes: readonly ClientClass[], client: ClientRecord, isKnown: boolean): readonly ClientClass[] {
  return classes.filter(({ match }) => fits(match, client, isKnown));
}

function fits(match: ClientClass["match"], client: ClientRecord, isKnown: boolean): boolean {
  const { vendorClass, userClass, architectures, macPrefixes, circuitId, remoteId, known } = match;
  return (
    (vendorClass === undefined || client.vendorClass.startsWith(latin1(vendorClass))) &&
    (userClass === undefined || client.userClass.includes(latin1(userClass))) &&
    (architectures === undefined || architectures.some((code) => client.architectures.includes(code))) &&
    (macPrefixes === undefined || macPrefixes.some((prefix) => `${client.mac}:`.startsWith(`${prefix}:`))) &&
    (circuitId === undefined || isText(client.relay.circuitId, circuitId)) &&
    (remoteId === undefined || isText(client.relay.remoteId, remoteId)) &&
    (known === undefined || known === isKnown)
  );
}

function isText(bytes: Uint8Array | undefined, text: string): boolean {
  return bytes !== undefined && Buffer.from(bytes).equals(Buffer.from(latin1(text), "latin1"));
}

/** Text as it stands, `0x…` as the bytes that it spells. */
function latin1(text: string): string {
  return /^0x([0-9a-fA-F]{2})+$/.test(text) ? Buffer.from(text.slice(2), "hex").toString("latin1") : text;
}
