import type { StateView } from "../view";
import type { BindingView } from "./bindings";
import type { Exchange } from "./exchange";

/** What one side may still take of what all share. */
export interface LeaseLimits {
  /** Why the client may not be given an address that it never had, as a clause; undefined when it may. */
  newAddress(exchange: Exchange): string | undefined;
  /** Why the client's DECLINE puts nothing into quarantine; undefined when it may. */
  decline(exchange: Exchange): string | undefined;
}

/** What a DHCP decision is made from. Read-only: decisions change nothing. */
export interface DhcpFacts {
  readonly state: Pick<StateView, "server" | "subnets" | "hostByMac" | "hostByAddress" | "hosts" | "version">;
  readonly leases: BindingView;
  /** Without it nothing is limited. */
  readonly limits?: LeaseLimits;
}

/** An address of an interface. */
export interface InterfaceAddress {
  /** Dotted quad. */
  readonly address: string;
  readonly prefix: number;
}

/** An interface that is served. */
export interface InterfaceView {
  readonly name: string;
  readonly addresses: readonly InterfaceAddress[];
}

/** How a packet came in. */
export interface Via {
  readonly interface: InterfaceView;
  /** All interfaces that are served, this one among them. */
  readonly served: readonly InterfaceView[];
  /** Where it came from: the client, or the relay. */
  readonly source: { readonly address: string; readonly port: number };
  /** Whether it was sent to all, not to one of the interface's addresses; undefined where that can't be told. */
  readonly isBroadcast?: boolean;
}
