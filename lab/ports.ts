import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/** A UDP port of loopback that was free a moment ago. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  await new Promise<void>((resolve) => { socket.close(resolve); });
  return port;
}

/** A TCP port of loopback that was free a moment ago. */
export async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => { server.close(resolve); });
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** One free port for each of the agent's services. */
export async function freePorts(): Promise<{ dhcpPort: number; tftpPort: number; httpPort: number }> {
  return { dhcpPort: await freeUdpPort(), tftpPort: await freeUdpPort(), httpPort: await freeTcpPort() };
}
