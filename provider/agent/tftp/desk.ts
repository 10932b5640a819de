import type { Socket } from "node:dgram";
import { setImmediate } from "node:timers/promises";
import type { BootFile } from "../../engine/bootfiles";
import { bootPath } from "../../engine/transfer-path";
import { planTransfer, type TransferLimits } from "../../engine/transfer-options";
import { errorText, PxeError } from "../../errors";
import { decodeTftp, encodeTftp, tftpErrors, type TftpMessage, type TftpRequest } from "../../wire/tftp/message";
import { askerAt, fillLoaderText, httpAuthority, isServed, type Asker, type BootResolver } from "../bootclient";
import { cleaned } from "../clean";
import type { AgentContext } from "../context";
import { Throttle } from "../throttle";
import { Session, type Endpoint, type SessionEnd } from "./session";
import { assetSource, memorySource, netasciiSource, type ByteSource } from "./source";

/** Transfers at once. A request above a limit is dropped: the client asks again. */
export interface DeskLimits {
  readonly perAddress: number;
  readonly total: number;
}

const defaultDesk: DeskLimits = { perAddress: 16, total: 512 };

/** A file that a machine fetches again and again is told once in this time, milliseconds. */
const sentEvery = 1_000;

/** Where a request came in. */
export interface Arrival {
  readonly socket: Socket;
  readonly client: Endpoint;
  /** The address that was asked. */
  readonly local: string;
  readonly limits: TransferLimits;
}

/** A refusal, as the client reads it: never a path of the server. */
interface Refusal {
  readonly code: number;
  readonly message: string;
}

interface Slot {
  /** The request's bytes: a copy of it means the same transfer. */
  readonly request: Buffer;
  readonly client: Endpoint;
  /** Undefined while it is being opened. */
  session: Session | undefined;
  cancelled: boolean;
}

function isCancelled(slot: Slot): boolean {
  return slot.cancelled;
}

/** Takes requests, decides what each one gets, and keeps one live transfer for each client port. */
export class RequestDesk {
  private readonly slots = new Map<string, Slot>();
  private readonly limits: DeskLimits;
  private readonly sent = new Throttle(sentEvery);
  private readonly underWay = new Set<Promise<void>>();
  private closed = false;

  constructor(private readonly context: AgentContext, private readonly resolve: BootResolver, private readonly httpPort: number, limits: Partial<DeskLimits>) {
    this.limits = { ...defaultDesk, ...limits };
  }

  /** One packet at the well-known port. */
  receive(packet: Buffer, arrival: Arrival): void {
    const work = this.take(packet, arrival)
      .catch((error: unknown) => { this.context.log.warn({ error: errorText(error), address: arrival.client.address }, "TFTP request"); })
      .finally(() => { this.underWay.delete(work); });
    this.underWay.add(work);
  }

  /** Ends every transfer. */
  async close(): Promise<void> {
    this.closed = true;
    for (const slot of this.slots.values()) cancel(slot, "the agent is stopping");
    await Promise.all(this.underWay);
  }

  /** Resolves once no transfer is under way. */
  async idle(): Promise<void> {
    while (this.underWay.size > 0) await Promise.all(this.underWay);
  }

  private async take(packet: Buffer, arrival: Arrival): Promise<void> {
    const { client } = arrival;
    // A reply to port 0 can't be sent; other networks are not ours to answer (amplification).
    if (client.port === 0 || !isServed(this.context, client.address)) return;
    const message = decodeRequest(packet);
    if (message === undefined) return;
    const refusal = refuse(message);
    if (refusal !== undefined) {
      reply(arrival, refusal);
      return;
    }
    if (this.isCopy(packet, client)) {
      // After a probe the same request comes again, and may be read before the error that ended the first: that is in this turn.
      await setImmediate();
      if (this.isCopy(packet, client)) return;
    }
    if (this.closed) return;
    const slot = this.reserve(packet, client);
    if (slot !== undefined) await this.open(message, slot, arrival);
  }

  private async open(message: TftpRequest, slot: Slot, arrival: Arrival): Promise<void> {
    const asker = askerAt(this.context, arrival.client.address);
    const path = bootPath(message.filename);
    try {
      const source = path === undefined ? forbidden : await this.find(message, path, asker, arrival);
      if ("code" in source) {
        this.context.log.debug({ address: asker.address, file: cleaned(message.filename), reason: source.message }, "TFTP refused");
        reply(arrival, source);
        return;
      }
      const plan = planTransfer(message.options, source.size, arrival.limits, isOctet(message));
      const started = this.context.clock();
      if (isCancelled(slot)) {
        await source.close();
        return;
      }
      slot.session = await Session.start(arrival.local, arrival.client, plan, source, this.context.clock);
      if (isCancelled(slot)) slot.session.stop("replaced");
      const end = await slot.session.ended;
      if (!isCancelled(slot)) this.report(asker, path ?? "", end, this.context.clock() - started);
    } finally {
      this.free(slot);
    }
  }

  /** Whether the request is the one that the port's live transfer answers. */
  private isCopy(packet: Buffer, client: Endpoint): boolean {
    const earlier = this.slots.get(slotKey(client));
    return earlier !== undefined && earlier.request.equals(packet) && (earlier.session?.underWay ?? true);
  }

  /** One live transfer for each client port; undefined where the request is above a limit. */
  private reserve(packet: Buffer, client: Endpoint): Slot | undefined {
    const key = slotKey(client);
    const earlier = this.slots.get(key);
    if (earlier !== undefined) {
      cancel(earlier, "the client asked anew");
    } else {
      let same = 0;
      for (const slot of this.slots.values()) if (slot.client.address === client.address) same += 1;
      if (this.slots.size >= this.limits.total || same >= this.limits.perAddress) {
        if (this.sent.passes(client.address, this.context.clock())) this.context.log.warn({ address: client.address, transfers: this.slots.size, ofAddress: same }, "too many TFTP transfers at once");
        return undefined;
      }
    }
    const slot: Slot = { request: packet, client, session: undefined, cancelled: false };
    this.slots.set(key, slot);
    return slot;
  }

  private free(slot: Slot): void {
    const key = slotKey(slot.client);
    if (this.slots.get(key) === slot) this.slots.delete(key);
  }

  private async find(message: TftpRequest, path: string, asker: Asker, arrival: Arrival): Promise<ByteSource | Refusal> {
    const server = httpAuthority(arrival.local, this.httpPort);
    const file = this.resolve({ path, host: asker.host, client: asker.client }, this.context.clock());
    const source = await this.sourceOf(file, path, asker, server);
    if ("code" in source || isOctet(message)) return source;
    return (await netasciiSource(source)) ?? { code: tftpErrors.illegalOperation, message: "too long for netascii: use octet" };
  }

  private async sourceOf(file: BootFile, path: string, asker: Asker, server: string): Promise<ByteSource | Refusal> {
    switch (file.kind) {
      case "notFound":
        return notFound;
      case "text":
        try {
          return memorySource(Buffer.from(fillLoaderText(file.text, { asker, server }), "utf8"));
        } catch (error) {
          if (!(error instanceof PxeError)) throw error;
          this.failed(asker, path, errorText(error));
          return { code: tftpErrors.undefined, message: "the configuration can't be made" };
        }
      case "asset": {
        const asset = await this.context.assets.open(file.asset.sha256);
        if (asset !== undefined) return assetSource(asset);
        this.failed(asker, path, "the agent doesn't hold its content");
        return notFound;
      }
    }
  }

  private report(asker: Asker, path: string, { end, bytes }: SessionEnd, tookMs: number): void {
    switch (end.outcome) {
      case "sent":
        if (this.sent.passes(`${asker.address} ${path}`, this.context.clock())) this.emit("tftp.sent", asker, `${path} sent: ${bytes} bytes in ${(tookMs / 1000).toFixed(2)} s`);
        break;
      case "failed":
        this.failed(asker, path, end.reason);
        break;
      case "closed":
        this.context.log.debug({ address: asker.address, path, bytes }, "TFTP closed by the client");
        break;
    }
  }

  private failed(asker: Asker, path: string, reason: string): void {
    this.emit("tftp.failed", asker, `${path} not sent: ${reason}`);
  }

  private emit(kind: "tftp.sent" | "tftp.failed", asker: Asker, text: string): void {
    const { client, host, address } = asker;
    this.context.emit({ kind, host: host?.document.name ?? null, mac: client.mac === address ? null : client.mac, address, text });
  }
}

const notFound: Refusal = { code: tftpErrors.notFound, message: "file not found" };
const forbidden: Refusal = { code: tftpErrors.accessViolation, message: "access violation" };

function cancel(slot: Slot, reason: string): void {
  slot.cancelled = true;
  slot.session?.stop(reason);
}

function slotKey(client: Endpoint): string {
  return `${client.address}:${client.port}`;
}

function isOctet(message: TftpRequest): boolean {
  return message.mode.toLowerCase() === "octet";
}

/** A request, whatever it wants; undefined for anything else, which is dropped. */
function decodeRequest(packet: Buffer): TftpRequest | undefined {
  let message: TftpMessage;
  try {
    message = decodeTftp(packet);
  } catch (error) {
    if (error instanceof PxeError) return undefined;
    throw error;
  }
  return message.type === "rrq" || message.type === "wrq" ? message : undefined;
}

function refuse(message: TftpRequest): Refusal | undefined {
  if (message.type === "wrq") return { code: tftpErrors.illegalOperation, message: "writing is not allowed" };
  const mode = message.mode.toLowerCase();
  return mode === "octet" || mode === "netascii" ? undefined : { code: tftpErrors.illegalOperation, message: "unknown mode" };
}

function reply(arrival: Arrival, refusal: Refusal): void {
  const { address, port } = arrival.client;
  arrival.socket.send(encodeTftp({ type: "error", ...refusal }), port, address);
}
