import type { DhcpPacket } from "../../wire/dhcp";
import { isHeld } from "./bindings";
import { classify } from "./client";
import { silent, type DhcpDecision } from "./decision";
import { clientEvent } from "./events";
import { openExchange } from "./exchange";
import type { DhcpFacts, Via } from "./facts";
import { quarantined } from "./release";

/**
 * What follows when something answered the ping of an address that was about to be offered: nobody gets it for a while (RFC 2131
 * section 2.2). Once that has taken effect the packet is to be decided anew.
 * @param packet the one whose decision carried the probe
 * @param now Unix time in milliseconds
 */
export function onProbeAnswered(packet: DhcpPacket, via: Via, facts: DhcpFacts, now: number, address: string): DhcpDecision {
  const exchange = openExchange(packet, classify(packet), via, facts, now);
  if (typeof exchange === "string") return silent(exchange);
  // While the answer was waited for the address was leased, or became somebody's by a document.
  const lease = facts.leases.byAddress(address);
  if (lease !== undefined && isHeld(lease, now)) return silent(`${address} has been leased meanwhile`);
  if (facts.state.hostByAddress(address) !== undefined) return silent(`${address} has been reserved meanwhile`, { offers: [{ type: "offer.drop", address }] });
  const text = `${address} is in use by a machine that it was not leased to`;
  return silent(text, {
    leases: [quarantined(exchange, address)],
    offers: [{ type: "offer.drop", address }],
    events: [clientEvent(exchange, "alert", address, text)],
  });
}
