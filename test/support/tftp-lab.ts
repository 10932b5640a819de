import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { startTftp, type TftpOptions, type TftpServer } from "../../provider/agent/tftp";
import type { BootFile } from "../../provider/engine/bootfiles";
import { decodeTftp, encodeTftp, type TftpMessage, type TftpOption } from "../../provider/wire/tftp/message";
import { subnetDocument } from "./documents";
import { filesContext, type FilesContext } from "./files-context";

/** A TFTP service on loopback whose files are given by path. */
export interface TftpLab extends FilesContext {
  readonly port: number;
  readonly files: Map<string, BootFile>;
  /** Paths as they were asked for, normalised. */
  readonly asked: string[];
  addAsset(path: string, content: Buffer): Promise<void>;
}

export async function tftpLab(options: Partial<TftpOptions> = {}): Promise<TftpLab> {
  const files = new Map<string, BootFile>();
  const asked: string[] = [];
  const base = await filesContext();
  await base.put([subnetDocument({ cidr: "127.0.0.0/24", pools: [], routers: [], dnsServers: [] })]);
  const server: TftpServer = await startTftp(base.context, {
    interface: { name: "lo", addresses: [{ address: "127.0.0.1" }] }, port: 0, httpPort: 80,
    resolve: ({ path }) => {
      asked.push(path);
      return files.get(path) ?? { kind: "notFound", reason: "no such file" };
    },
    ...options,
  });
  return {
    ...base, files, asked, port: server.endpoints[0]?.port ?? 0,
    addAsset: async (path, content) => {
      files.set(path, { kind: "asset", asset: await base.store("file", content) });
    },
    close: async () => {
      await server.close();
      await base.close();
    },
  };
}

/** A received packet and the port it came from. */
export interface Received {
  readonly message: TftpMessage;
  readonly port: number;
}

/** A client that sends what a test says, packet by packet. */
export class RawClient {
  private readonly queue: Received[] = [];
  private sending = 0;
  private closing = false;
  private waiting: ((packet: Received) => void) | undefined;

  private constructor(private readonly socket: Socket, private readonly serverPort: number) {
    socket.on("message", (packet, from) => {
      const received = { message: decodeTftp(packet), port: from.port };
      if (this.waiting === undefined) this.queue.push(received);
      else this.waiting(received);
      this.waiting = undefined;
    });
  }

  static async open(serverPort: number, address = "127.0.0.1"): Promise<RawClient> {
    const socket = createSocket("udp4");
    socket.bind({ address, port: 0 });
    await once(socket, "listening");
    return new RawClient(socket, serverPort);
  }

  send(message: TftpMessage | Buffer, port = this.serverPort): void {
    this.sending += 1;
    this.socket.send(message instanceof Buffer ? message : encodeTftp(message as TftpMessage), port, "127.0.0.1", () => {
      this.sending -= 1;
      if (this.closing && this.sending === 0) this.socket.close();
    });
  }

  ask(filename: string, options: Record<string, string> = {}, mode = "octet"): void {
    const list: TftpOption[] = Object.entries(options).map(([name, value]) => ({ name, value }));
    this.send({ type: "rrq", filename, mode, options: list });
  }

  /** The next packet; undefined when none comes in time. */
  next(limitMs = 3000): Promise<Received | undefined> {
    const queued = this.queue.shift();
    if (queued !== undefined) return Promise.resolve(queued);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.waiting = undefined;
        resolve(undefined);
      }, limitMs);
      this.waiting = (packet) => {
        clearTimeout(timer);
        resolve(packet);
      };
    });
  }

  async expect(limitMs?: number): Promise<Received> {
    const packet = await this.next(limitMs);
    if (packet === undefined) throw new Error("no packet came");
    return packet;
  }

  /** Closes once what was sent is out. */
  close(): void {
    this.closing = true;
    if (this.sending === 0) this.socket.close();
  }
}

/** Fetches a whole file in lock step. */
export async function fetchRaw(serverPort: number, filename: string, options: Record<string, string> = {}, mode = "octet"): Promise<Buffer> {
  const client = await RawClient.open(serverPort);
  try {
    client.ask(filename, options, mode);
    const parts: Buffer[] = [];
    const blockSize = Number(options["blksize"] ?? 512);
    for (;;) {
      const { message, port } = await client.expect();
      if (message.type === "oack") client.send({ type: "ack", block: 0 }, port);
      else if (message.type === "data") {
        parts.push(Buffer.from(message.data));
        client.send({ type: "ack", block: message.block }, port);
        if (message.data.length < blockSize) return Buffer.concat(parts);
      } else throw new Error(`unexpected ${JSON.stringify(message)}`);
    }
  } finally {
    client.close();
  }
}

/** What a proxy does with the nth packet: how often it passes on. */
export type Fate = (nth: number) => 0 | 1 | 2;

/** Stands between clients and the service and loses or repeats packets. Returns its port and how to close it. */
export async function lossyProxy(serverPort: number, fate: Fate): Promise<{ port: number; close(): void }> {
  const sockets: Socket[] = [];
  let packets = 0;
  async function opened(): Promise<Socket> {
    const socket = createSocket("udp4");
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.bind({ address: "127.0.0.1", port: 0 });
    await once(socket, "listening");
    return socket;
  }
  function pass(socket: Socket, packet: Buffer, port: number): void {
    packets += 1;
    for (let copies = fate(packets); copies > 0; copies -= 1) socket.send(packet, port, "127.0.0.1");
  }
  const entry = await opened();
  const known = new Map<number, Promise<(packet: Buffer) => void>>();
  async function pair(clientPort: number): Promise<(packet: Buffer) => void> {
    const up = await opened();
    const down = await opened();
    let transferPort = 0;
    up.on("message", (packet, from) => {
      transferPort = from.port;
      pass(down, packet, clientPort);
    });
    down.on("message", (packet) => { pass(up, packet, transferPort); });
    return (packet) => { pass(up, packet, serverPort); };
  }
  entry.on("message", (packet, from) => {
    const forward = known.get(from.port) ?? pair(from.port);
    known.set(from.port, forward);
    void forward.then((send) => { send(packet); });
  });
  return { port: entry.address().port, close: () => { for (const socket of sockets) socket.close(); } };
}
