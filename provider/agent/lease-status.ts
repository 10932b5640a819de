import type { LeaseStatus } from "../model/control";
import type { AgentContext } from "./context";

/** Every binding, by address, as the control API tells it. */
export function declaredLeases(context: AgentContext): LeaseStatus[] {
  const now = context.clock();
  return [...context.leases.all()].map((lease) => ({
    address: lease.address,
    mac: lease.mac,
    clientId: lease.clientId,
    host: context.state.hostByMac(lease.mac)?.document.name ?? null,
    subnet: lease.subnet,
    expiresAt: lease.expiresAt,
    state: lease.state === "active" && lease.expiresAt <= now ? "expired" : lease.state,
  }));
}
