import { PxeError } from "../../errors";
import type { InterfaceView } from "../../engine/dhcp";
import { interfaceAddresses } from "../sockets";
import type { DhcpContext } from "./index";

/** Asking the system costs more than a packet does. Milliseconds. */
const keepFor = 1000;

/** All interfaces that the agent serves on, with their addresses. */
export class ServedInterfaces {
  private known: readonly InterfaceView[] = [];
  private readAt = -Infinity;

  constructor(private readonly context: Pick<DhcpContext, "state" | "clock">, private readonly own: InterfaceView) {}

  all(): readonly InterfaceView[] {
    const now = this.context.clock();
    if (Math.abs(now - this.readAt) >= keepFor) {
      const names = this.context.state.server?.spec.interfaces ?? [];
      this.known = [this.own, ...names.filter((name) => name !== this.own.name).flatMap(view)];
      this.readAt = now;
    }
    return this.known;
  }
}

function view(name: string): readonly InterfaceView[] {
  try {
    return [{ name, addresses: interfaceAddresses(name) }];
  } catch (error) {
    if (error instanceof PxeError && error.code === "PXE_NO_INTERFACE") return [];
    throw error;
  }
}
