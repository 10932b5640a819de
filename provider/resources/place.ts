import type { Connection } from "../deploy/connection";

/** What makes an agent another agent: its target's address. Its SSH port and host key may change. */
export function placeOf(connection: Connection): string {
  return connection.kind === "ssh" ? `ssh ${connection.host}` : connection.kind;
}
