import type { NewEvent } from "../../model/control";
import { wasOwn } from "./address-choice";
import { clientEvent, clientText } from "./events";
import type { Exchange } from "./exchange";

/** Why a client may not be given an address. */
export interface Refusal {
  readonly reason: string;
  readonly events: readonly NewEvent[];
}

/** Whether the address is neither reserved for the client nor was ever bound to it. */
export function isNew(exchange: Exchange, address: string): boolean {
  return exchange.host?.document.spec.ip !== address && !wasOwn(exchange, address);
}

/**
 * Why the client may not be given an address that it never had: there are limits on what one side may take (NETBOOT F1). An offer
 * that still holds was asked about already.
 */
export function refusalOf(exchange: Exchange, address: string): Refusal | undefined {
  const { facts, identity, now, subnet } = exchange;
  if (facts.limits === undefined || !isNew(exchange, address)) return undefined;
  if (facts.leases.offerTo(identity, now)?.address === address) return undefined;
  const why = facts.limits.newAddress(exchange);
  if (why === undefined) return undefined;
  // The text names no client: alerts of one text are told once in a while, and a flood comes from ever other clients.
  const text = `machines get no new address in ${subnet.document.name}: ${why}`;
  return { reason: `${clientText(exchange)} gets no new address: ${why}`, events: [clientEvent(exchange, "alert", null, text)] };
}
