import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { errorText, pxeError, type PxeError } from "../../errors";
import { closeBoundSocket, openBoundSocket, openBoundSocketBeside } from "./bound-socket";
import { interfaceAddresses, isLoopback } from "./interfaces";
import { portHolder } from "./port-holder";

/** Which socket to open. */
export interface UdpRequest {
  readonly interface: string;
  /** 0: any free port. */
  readonly port: number;
  /** Whether broadcasts are sent, and received where the socket is bound to no address. */
  readonly broadcast: boolean;
  /** Which of the interface's addresses to bind to; its first where left out, and for `broadcast` all. */
  readonly address?: string;
}

/**
 * Opens a UDP socket on an interface, ready to receive. On Linux it is bound to the interface itself; on loopback, which knows no
 * broadcasts, and on other systems it is bound to the interface's address.
 * @throws PXE_NO_INTERFACE, PXE_NO_ADDRESS, PXE_PORT_TAKEN naming the process if possible, PXE_NOT_PERMITTED
 */
export async function openUdp(request: UdpRequest): Promise<Socket> {
  if (process.platform === "linux" && !isLoopback(request.interface)) return adoptUdp(openUdpDescriptor(request));
  const addresses = interfaceAddresses(request.interface);
  try {
    return await openPlain(request.port, ownAddress(request, addresses));
  } catch (error) {
    throw explained(error, request);
  }
}

/** The same socket as a descriptor, on Linux. @throws as `openUdp` */
export function openUdpDescriptor(request: UdpRequest): number {
  const addresses = interfaceAddresses(request.interface);
  const loopback = isLoopback(request.interface);
  try {
    const address = request.broadcast && request.address === undefined && !loopback ? "0.0.0.0" : ownAddress(request, addresses);
    return openBoundSocket({ ...request, interface: loopback ? undefined : request.interface, address });
  } catch (error) {
    throw explained(error, request);
  }
}

/**
 * Another socket of a port of which `wildcard` is the interface's broadcast socket: it gets what is sent to the request's address.
 * @throws as `openUdp`
 */
export function openUdpDescriptorBeside(request: UdpRequest & { readonly address: string }, wildcard: number): number {
  try {
    return openBoundSocketBeside(request, wildcard);
  } catch (error) {
    throw explained(error, request);
  }
}

function ownAddress(request: UdpRequest, addresses: readonly { readonly address: string }[]): string {
  const address = request.address ?? addresses[0]?.address;
  if (address === undefined) throw pxeError("PXE_NO_ADDRESS", `the interface ${request.interface} has no IPv4 address`);
  return address;
}

/** Hands the descriptor to Node, which is then the one to close it. */
export function adoptUdp(fd: number): Socket {
  const socket = createSocket({ type: "udp4", lookup: numeric });
  try {
    // With a descriptor this is done before it returns, "listening" included.
    socket.bind({ fd });
    return socket;
  } catch (error) {
    socket.close();
    closeBoundSocket(fd);
    throw error;
  }
}

/** Datagrams go to addresses, never to names: what Node does for names costs each of them a turn of its loop. */
function numeric(address: string, _options: unknown, callback: (error: null, address: string, family: number) => void): void {
  callback(null, address, 4);
}

async function openPlain(port: number, address: string): Promise<Socket> {
  const socket = createSocket({ type: "udp4", lookup: numeric });
  try {
    const listening = once(socket, "listening");
    socket.bind({ port, address, exclusive: true });
    await listening;
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function explained(error: unknown, request: UdpRequest): unknown {
  const { interface: name, port } = request;
  switch (error instanceof Error && "code" in error ? error.code : undefined) {
    case "EADDRINUSE":
      return portTaken(port, error);
    case "ENODEV":
      return pxeError("PXE_NO_INTERFACE", `there is no network interface ${name}`, { cause: error });
    case "EADDRNOTAVAIL":
      return pxeError("PXE_NO_ADDRESS", `${request.address ?? "the address"} is not an address of ${name}`, { cause: error });
    case "EPERM":
    case "EACCES":
      return pxeError("PXE_NOT_PERMITTED", `UDP port ${String(port)} on ${name} may not be opened: ${errorText(error)}`, { cause: error });
    default:
      return error;
  }
}

function portTaken(port: number, cause: unknown): PxeError {
  const holder = portHolder("udp", port);
  return pxeError("PXE_PORT_TAKEN", `UDP port ${String(port)} is taken by ${holder ?? "another process"}`, { cause });
}
