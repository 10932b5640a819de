import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { pxeError } from "../../provider/errors";
import { decodeTftp, encodeTftp, type TftpMessage, type TftpOption } from "../../provider/wire/tftp/message";

/** Where and from which address to fetch. */
export interface TftpPlace {
  readonly server: string;
  readonly port: number;
  /** The client's own address. */
  readonly from: string;
}

export type TftpResult = { readonly found: true; readonly bytes: Buffer } | { readonly found: false; readonly reason: string };

/** Milliseconds until the last packet is sent again, and how often. */
const retryMs = 1000;
const retries = 6;

/** Fetches a file as PXELINUX does: octet, in lock step, with tsize and a blksize below an Ethernet frame's. */
export async function tftpGet(place: TftpPlace, path: string): Promise<TftpResult> {
  const socket = createSocket("udp4");
  try {
    socket.bind({ address: place.from, port: 0 });
    await once(socket, "listening");
    return await new Transfer(socket, place, path).run();
  } finally {
    socket.close();
  }
}

class Transfer {
  private readonly parts: Buffer[] = [];
  private blockSize = 512;
  private received = 0;
  private serverPort: number;
  private last: Buffer;

  constructor(private readonly socket: Socket, private readonly place: TftpPlace, private readonly path: string) {
    const options: TftpOption[] = [{ name: "tsize", value: "0" }, { name: "blksize", value: "1408" }];
    this.serverPort = place.port;
    this.last = encodeTftp({ type: "rrq", filename: path, mode: "octet", options });
  }

  run(): Promise<TftpResult> {
    return new Promise((resolve, reject) => {
      let tries = 0;
      const timer = setInterval(() => {
        tries += 1;
        if (tries > retries) settle(() => { reject(pxeError("PXE_TIMEOUT", `the TFTP server fell silent at ${this.path}`)); });
        else this.resend();
      }, retryMs);
      const settle = (act: () => void): void => {
        clearInterval(timer);
        this.socket.removeAllListeners("message");
        act();
      };
      this.socket.on("message", (packet, from) => {
        // The server chooses its port with its first packet (RFC 1350 section 4).
        if (this.serverPort === this.place.port) this.serverPort = from.port;
        if (from.port !== this.serverPort) return;
        tries = 0;
        timer.refresh();
        this.take(decodeTftp(packet), (result) => { settle(() => { resolve(result); }); });
      });
      this.resend();
    });
  }

  private take(message: TftpMessage, done: (result: TftpResult) => void): void {
    switch (message.type) {
      case "error":
        done({ found: false, reason: `error ${message.code}: ${message.message}` });
        break;
      case "oack":
        this.blockSize = Number(message.options.find(({ name }) => name.toLowerCase() === "blksize")?.value ?? 512);
        this.acknowledge();
        break;
      case "data":
        if (message.block !== ((this.received + 1) & 0xffff)) break;
        this.received += 1;
        this.parts.push(Buffer.from(message.data));
        this.acknowledge(message.data.length < this.blockSize ? () => { done({ found: true, bytes: Buffer.concat(this.parts) }); } : undefined);
        break;
      case "ack":
      case "rrq":
      case "wrq":
        break;
    }
  }

  private acknowledge(sent?: () => void): void {
    this.last = encodeTftp({ type: "ack", block: this.received & 0xffff });
    this.resend(sent);
  }

  private resend(sent?: () => void): void {
    this.socket.send(this.last, this.serverPort, this.place.server, sent);
  }
}
