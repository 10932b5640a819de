import type { Socket } from "node:dgram";
import { readFile } from "node:fs/promises";
import { bootFile } from "../../engine/bootfiles";
import { defaultLimits } from "../../engine/transfer-options";
import { errorText } from "../../errors";
import type { BootResolver } from "../bootclient";
import type { AgentContext, Draining } from "../context";
import { plainSockets, type SocketSource } from "../sockets";
import { RequestDesk, type DeskLimits } from "./desk";

export interface TftpOptions {
  /** The interface to serve on, with its IPv4 addresses. */
  readonly interface: { readonly name: string; readonly addresses: readonly { readonly address: string }[] };
  /** UDP port; 0 takes a free one. */
  readonly port: number;
  /** Where the agent's HTTP listens, for URLs in loader configuration. */
  readonly httpPort: number;
  readonly resolve?: BootResolver;
  readonly limits?: Partial<DeskLimits>;
  readonly sockets?: SocketSource;
}

/** A running TFTP service. */
export interface TftpServer {
  /** The address and port of each socket. */
  readonly endpoints: readonly { readonly address: string; readonly port: number }[];
  /** Stops listening and ends the transfers under way. */
  close(): Promise<void>;
  /** Stops listening; transfers under way go on. */
  retire(): Promise<Draining>;
}

/**
 * Serves boot files over TFTP on every address of an interface. A socket is bound to one address: requests that were broadcast
 * never reach it (RFC 1123 section 4.2.3.5), and a reply leaves from the address that was asked.
 * @throws PXE_PORT_TAKEN, PXE_NO_INTERFACE, PXE_NO_ADDRESS, PXE_NOT_PERMITTED
 */
export async function startTftp(context: AgentContext, options: TftpOptions): Promise<TftpServer> {
  const { name, addresses } = options.interface;
  const desk = new RequestDesk(context, options.resolve ?? bootFile, options.httpPort, options.limits ?? {});
  const limits = { ...defaultLimits, blockSize: await blockSizeOf(name) };
  const sockets: Socket[] = [];
  async function close(): Promise<void> {
    for (const socket of sockets) socket.close();
    await desk.close();
  }
  try {
    for (const { address } of addresses) {
      const socket = await (options.sockets ?? plainSockets).udp({ interface: name, address, port: options.port, broadcast: false });
      sockets.push(socket);
      socket.on("message", (packet, client) => { desk.receive(packet, { socket, client, local: address, limits }); });
      socket.on("error", (error) => { context.log.warn({ error: errorText(error), address }, "TFTP socket"); });
    }
  } catch (error) {
    await close();
    throw error;
  }
  async function retire(): Promise<Draining> {
    for (const socket of sockets) await new Promise<void>((resolve) => { socket.close(resolve); });
    return { ended: desk.idle(), cut: () => desk.close() };
  }
  return { endpoints: sockets.map((socket) => socket.address()), close, retire };
}

/** The greatest block for an interface: MTU - 32, at most what fits a plain Ethernet frame, since the client's MTU is unknown. */
async function blockSizeOf(name: string): Promise<number> {
  const text = await readFile(`/sys/class/net/${name}/mtu`, "utf8").catch(() => "");
  const mtu = Number.parseInt(text, 10);
  return Number.isNaN(mtu) ? defaultLimits.blockSize : Math.max(512, Math.min(defaultLimits.blockSize, mtu - 32));
}
