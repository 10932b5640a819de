import type { Socket } from "node:dgram";
import type { DhcpDecision, Destination } from "../../engine/dhcp";
import { encodeDhcp } from "../../wire/dhcp";

/** Port that clients listen on (RFC 2131 section 4.1). */
const clientPort = 68;

/** Sends a reply to where the decision says. Rejects when the system refuses to. */
export function sendReply(socket: Socket, reply: NonNullable<DhcpDecision["reply"]>): Promise<void> {
  const bytes = encodeDhcp(reply.packet);
  const { address, port } = endpoint(reply.destination);
  return new Promise((resolve, reject) => {
    socket.send(bytes, port, address, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

function endpoint(destination: Destination): { readonly address: string; readonly port: number } {
  switch (destination.kind) {
    case "relay":
      return { address: destination.address, port: destination.port };
    case "unicast":
      return { address: destination.address, port: clientPort };
    // A client without an address answers no ARP for one, and RFC 2131 section 4.1 lets a server broadcast to it.
    case "hardware":
    case "broadcast":
      return { address: "255.255.255.255", port: clientPort };
  }
}
