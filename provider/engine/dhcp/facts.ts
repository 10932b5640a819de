import type { StateView } from "../view";
import type { BindingView } from "./bindings";

/** What a DHCP decision is made from. Read-only: decisions change nothing. */
export interface DhcpFacts {
  readonly state: Pick<StateView, "server" | "subnets" | "hostByMac" | "hostByAddress">;
  readonly leases: BindingView;
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
}
