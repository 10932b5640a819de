import { contains, ipv4, type Ipv4Number } from "../../model/ip";
import type { ServerDocument } from "../../model/documents";
import { ownRouters } from "../../model/gateways";
import type { Lease } from "../leases";
import { oncePer } from "../once";
import { without } from "./address-ranges";
import { belongsTo } from "./binding-owner";
import { isHeld, type AddressRange } from "./bindings";
import type { LeaseWrite } from "./decision";
import type { Exchange } from "./exchange";
import { reservedAddresses, type Reserved, type ServedPool, type ServedSubnet } from "./served-subnet";
import { serverAddresses } from "./server-address";

/** Whether the binding is this client's own. */
export function isOwn(exchange: Exchange, lease: Lease): boolean {
  return belongsTo(lease, exchange);
}

/** Whether the address is bound to the client, or once was. */
export function wasOwn(exchange: Exchange, address: string): boolean {
  for (const lease of exchange.own) if (lease.address === address) return true;
  return false;
}

/**
 * Gives back what the client held of another's: it asks for an address, or was refused this one, so it uses none (RFC 2131 sections
 * 3.1 and 3.2). Without this two hosts whose reservations were swapped would keep each other waiting until their leases end.
 */
export function givenBack(exchange: Exchange): readonly LeaseWrite[] {
  return released(exchange, (lease) => isReservedForOther(exchange, lease.address));
}

/** A client has one address on a segment: whatever else it held there is free again. */
export function givenUp(exchange: Exchange, address: string): readonly LeaseWrite[] {
  return released(exchange, (lease) => lease.address !== address);
}

function released(exchange: Exchange, which: (lease: Lease) => boolean): LeaseWrite[] {
  const { own, now } = exchange;
  const writes: LeaseWrite[] = [];
  for (const lease of own) {
    if (isHeld(lease, now) && which(lease)) writes.push({ type: "lease.put", lease: { ...lease, state: "released", expiresAt: now } });
  }
  return writes;
}

/** The address that the client's document reserves for it here, unless somebody else still holds it. */
export function reservedAddress(exchange: Exchange): string | undefined {
  const address = exchange.host?.document.spec.ip;
  if (address === undefined) return undefined;
  const value = ipv4(address);
  for (const subnet of exchange.segment.subnets) {
    if (!contains(subnet.net, value)) continue;
    return isNeverLeased(exchange, subnet, address, value) || isTaken(exchange, address) ? undefined : address;
  }
  return undefined;
}

/**
 * What is wrong with the client having this address; undefined when nothing is. The order is that of the reasons a client can do
 * something about.
 */
export function objection(exchange: Exchange, address: string): string | undefined {
  return objectionBeside(exchange, address, reservedAddress(exchange));
}

function objectionBeside(exchange: Exchange, address: string, reserved: string | undefined): string | undefined {
  const { document, net } = exchange.subnet;
  if (reserved === address) return undefined;
  const value = ipv4(address);
  if (!contains(net, value)) return `${address} is not in ${document.spec.cidr}`;
  const isRouter = reservedAddresses(exchange.facts.state).routers.has(value);
  if (isRouter || isNeverLeased(exchange, exchange.subnet, address, value)) return `${address} is never leased`;
  if (reserved !== undefined) return `${reserved} is reserved for this machine`;
  if (isReservedForOther(exchange, address)) return `${address} is reserved for another machine`;
  if (isBarred(exchange)) return "only declared machines get an address here";
  if (!isInPools(exchange, value)) return `${address} is in no pool`;
  return isTaken(exchange, address) ? `${address} is in use` : undefined;
}

/** Whether only declared machines get an address on the subnet, and the client is none. */
export function isBarred(exchange: Exchange): boolean {
  return exchange.host === undefined && exchange.subnet.document.spec.unknownClients !== "allow";
}

/**
 * RFC 2131 section 4.3.1: the reservation, else the current binding, else what was offered to it, else its previous binding, else
 * the address that it asks for, else a free one of the pools. Undefined when there is none.
 */
export function chooseAddress(exchange: Exchange, wanted: string | undefined): string | undefined {
  const { facts, identity, now, own } = exchange;
  const reserved = reservedAddress(exchange);
  if (reserved !== undefined) return reserved;
  if (isBarred(exchange)) return undefined;
  const fits = (address: string | undefined): address is string => address !== undefined && objectionBeside(exchange, address, undefined) === undefined;
  for (const lease of own) if (isHeld(lease, now) && fits(lease.address)) return lease.address;
  const offered = facts.leases.offerTo(identity, now)?.address;
  if (fits(offered)) return offered;
  for (const lease of own) if (!isHeld(lease, now) && fits(lease.address)) return lease.address;
  if (fits(wanted)) return wanted;
  return endedLongest(exchange).find(fits) ?? freeAddress(exchange);
}

/** Of a MAC that shows ever other client identifiers, the addresses that it has used up, instead of ever new ones. */
function endedLongest({ client, facts, host, now, subnet }: Exchange): readonly string[] {
  if (host !== undefined || client.mac === "") return [];
  const all = facts.leases.ofMac(client.mac);
  if (all.length < subnet.document.spec.limits.leasesPerMac) return [];
  return all.filter((lease) => !isHeld(lease, now)).sort((a, b) => a.expiresAt - b.expiresAt).map((lease) => lease.address);
}

/** Whether the subnet has addresses for the client at all, free or not. */
export function hasPools(exchange: Exchange): boolean {
  return !isBarred(exchange) && exchange.subnet.pools.some((pool) => isOpen(pool, exchange));
}

function freeAddress(exchange: Exchange): string | undefined {
  const { facts, now, packet, subnet, via } = exchange;
  const reserved = reservedAddresses(facts.state);
  const ours = serverAddresses(via.served).values;
  const routers = serverRouters(facts.state.server);
  const relay = ipv4(packet.giaddr);
  const usable = (value: Ipv4Number) => value !== relay && !reserved.addresses.has(value) && !reserved.routers.has(value) && !ours.has(value) && !routers.has(value);
  const [only, ...more] = subnet.pools.filter((pool) => isOpen(pool, exchange));
  if (only === undefined) return undefined;
  const ranges = more.length === 0 ? searched(reserved)(only) : [only, ...more].flatMap(searched(reserved));
  return facts.leases.freeAddress(ranges, now, usable);
}

/** What is searched for a free address: a pool without long runs of reservations, which would be tried one by one. */
const searched = oncePer((reserved: Reserved) => oncePer((pool: ServedPool): readonly AddressRange[] =>
  reserved.runs.length === 0 ? pool.ranges : pool.ranges.flatMap((range) => without(range, reserved.runs))));

/** A pool with a class is for its clients alone. */
function isOpen(pool: ServedPool, { classes }: Exchange): boolean {
  return pool.class === undefined || classes.some((item) => item.name === pool.class);
}

function isInPools(exchange: Exchange, value: Ipv4Number): boolean {
  for (const pool of exchange.subnet.pools) {
    if (!isOpen(pool, exchange)) continue;
    for (const range of pool.ranges) if (value >= range.from && value <= range.to) return true;
  }
  return false;
}

const noRouters: ReadonlySet<Ipv4Number> = new Set();

const routersOf = oncePer((document: ServerDocument): ReadonlySet<Ipv4Number> => new Set(ownRouters(document).map(({ address }) => address)));

function serverRouters(document: ServerDocument | undefined): ReadonlySet<Ipv4Number> {
  return document === undefined ? noRouters : routersOf(document);
}

/** The network's and broadcast addresses, the server's, the relay's and the routers'. */
function isNeverLeased({ facts, packet, via }: Exchange, subnet: ServedSubnet, address: string, value: Ipv4Number): boolean {
  return (
    subnet.neverLeased.has(value) || address === packet.giaddr ||
    serverAddresses(via.served).values.has(value) || serverRouters(facts.state.server).has(value)
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
