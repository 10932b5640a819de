import { contains, formatIpv4, ipv4, type Ipv4Number } from "../../model/ip";
import type { Lease } from "../leases";
import { isHeld, type AddressRange } from "./bindings";
import { clientKey } from "./client";
import type { LeaseWrite } from "./decision";
import type { Exchange } from "./exchange";

/** Whether the binding is this client's own. A host's reserved address is its own by any of its MACs. */
export function isOwn(exchange: Exchange, lease: Lease): boolean {
  if (lease.state === "declined") return false;
  const { host, client } = exchange;
  if (host === undefined) return clientKey(lease.mac, lease.clientId) === client.key;
  return lease.mac === client.mac || (lease.address === host.document.spec.ip && host.document.spec.macs.includes(lease.mac));
}

/** The client's bindings in the exchange's subnet: those that hold first, then the one that ended last. */
export function ownBindings(exchange: Exchange): readonly Lease[] {
  const { client, facts, now, subnet } = exchange;
  const byId = client.clientId === null ? [] : facts.leases.ofClientId(client.clientId).filter((lease) => lease.mac !== client.mac);
  return [...facts.leases.ofMac(client.mac), ...byId]
    .filter((lease) => contains(subnet.net, ipv4(lease.address)) && isOwn(exchange, lease))
    .sort((a, b) => Number(isHeld(b, now)) - Number(isHeld(a, now)) || b.expiresAt - a.expiresAt || ipv4(a.address) - ipv4(b.address));
}

/**
 * Gives back what the client held of another's: it asks for an address, or was refused this one, so it uses none (RFC 2131 sections
 * 3.1 and 3.2). Without this two hosts whose reservations were swapped would keep each other waiting until their leases end.
 */
export function givenBack(exchange: Exchange): readonly LeaseWrite[] {
  const { now } = exchange;
  return ownBindings(exchange)
    .filter((lease) => isHeld(lease, now) && isReservedForOther(exchange, lease.address))
    .map((lease) => ({ type: "lease.put", lease: { ...lease, state: "released", expiresAt: now } }));
}

/** The address that the client's document reserves for it here, unless somebody else still holds it. */
export function reservedAddress(exchange: Exchange): string | undefined {
  const address = exchange.host?.document.spec.ip;
  if (address === undefined || !contains(exchange.subnet.net, ipv4(address))) return undefined;
  return isNeverLeased(exchange, ipv4(address)) || isTaken(exchange, address) ? undefined : address;
}

/**
 * What is wrong with the client having this address; undefined when nothing is. The order is that of the reasons a client can do
 * something about.
 */
export function objection(exchange: Exchange, address: string): string | undefined {
  const value = ipv4(address);
  if (!contains(exchange.subnet.net, value)) return `${address} is not in ${exchange.subnet.document.spec.cidr}`;
  if (isNeverLeased(exchange, value)) return `${address} is never leased`;
  const reserved = reservedAddress(exchange);
  if (reserved !== undefined) return reserved === address ? undefined : `${reserved} is reserved for this machine`;
  if (isReservedForOther(exchange, address)) return `${address} is reserved for another machine`;
  if (!pools(exchange).some((pool) => value >= pool.from && value <= pool.to)) return `${address} is in no pool`;
  return isTaken(exchange, address) ? `${address} is in use` : undefined;
}

/**
 * RFC 2131 section 4.3.1: the reservation, else the current binding, else what was offered to it, else its previous binding, else
 * the address that it asks for, else a free one of the pools. Undefined when there is none.
 */
export function chooseAddress(exchange: Exchange, wanted: string | undefined): string | undefined {
  const { facts, identity, now } = exchange;
  const own = ownBindings(exchange);
  const offered = facts.leases.offerTo(identity, now)?.address;
  const candidates = [
    reservedAddress(exchange),
    ...own.filter((lease) => isHeld(lease, now)).map((lease) => lease.address),
    offered,
    ...own.filter((lease) => !isHeld(lease, now)).map((lease) => lease.address),
    wanted,
  ];
  const known = candidates.find((address) => address !== undefined && objection(exchange, address) === undefined);
  return known ?? facts.leases.freeAddress(pools(exchange), now, (value) => isUsable(exchange, value));
}

/** The network's and broadcast addresses, the server's, the relay's and the routers'. */
function isNeverLeased(exchange: Exchange, value: Ipv4Number): boolean {
  const { net, document } = exchange.subnet;
  if (value === net.first || value === net.last) return true;
  const address = formatIpv4(value);
  return (
    address === exchange.packet.giaddr || document.spec.routers.includes(address) ||
    exchange.via.served.some((item) => item.addresses.some((own) => own.address === address))
  );
}

function isReservedForOther(exchange: Exchange, address: string): boolean {
  const holder = exchange.facts.state.hostByAddress(address);
  if (holder === undefined || holder.supersededBy !== undefined) return false;
  const own = exchange.host?.document;
  return holder.document.name !== own?.name || holder.document.owner !== own.owner;
}

/** Bound, quarantined or offered to somebody else. */
function isTaken(exchange: Exchange, address: string): boolean {
  const { facts, identity, now } = exchange;
  const lease = facts.leases.byAddress(address);
  if (lease !== undefined && isHeld(lease, now) && !isOwn(exchange, lease)) return true;
  const offer = facts.leases.offerOf(address, now);
  return offer !== undefined && offer.identity !== identity;
}

function isUsable(exchange: Exchange, value: Ipv4Number): boolean {
  return !isNeverLeased(exchange, value) && !isReservedForOther(exchange, formatIpv4(value));
}

function pools(exchange: Exchange): readonly AddressRange[] {
  return exchange.subnet.document.spec.pools.map((pool) => ({ from: ipv4(pool.from), to: ipv4(pool.to) }));
}
