import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { until } from "./files-context";
import type { Namespace } from "./netns";

/** A DHCP reply, read from a capture by code of its own: it shares nothing with the codec. */
export interface CapturedReply {
  readonly yiaddr: string;
  readonly siaddr: string;
  readonly file: string;
  readonly options: ReadonlyMap<number, Buffer>;
}

/** Records what comes to the DHCP client's port. */
export class DhcpCapture {
  private constructor(private readonly file: string) {}

  static async start(t: TestContext, on: Namespace, device: string, file: string): Promise<DhcpCapture> {
    const tcpdump = on.start(t, "tcpdump", ["-i", device, "-U", "-Z", "root", "-w", file, "udp and dst port 68"]);
    await tcpdump.line((line) => line.includes("listening on"));
    return new DhcpCapture(file);
  }

  /** The last ACK that was sent to a machine. */
  async ack(mac: string): Promise<CapturedReply> {
    const wanted = mac.replaceAll(":", "");
    const find = (): CapturedReply | undefined =>
      frames(readFileSync(this.file)).map(dhcpOf).filter((message) => message.subarray(28, 34).toString("hex") === wanted).map(reply)
        .findLast((message) => message.options.get(53)?.[0] === 5);
    let found: CapturedReply | undefined;
    await until(`an ACK to ${mac}`, () => (found = find()) !== undefined);
    if (found === undefined) throw new Error(`no ACK to ${mac} was captured`);
    return found;
  }
}

/** pcap-savefile(5): a header of 24 bytes, then records of 16 bytes and the frame; little-endian as this machine writes it. */
function frames(pcap: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 24; at + 16 <= pcap.length;) {
    const length = pcap.readUInt32LE(at + 8);
    if (at + 16 + length > pcap.length) break;
    found.push(pcap.subarray(at + 16, at + 16 + length));
    at += 16 + length;
  }
  return found;
}

/** What Ethernet (14 bytes), IPv4 (by its header length) and UDP (8 bytes) carry. */
function dhcpOf(frame: Buffer): Buffer {
  return frame.subarray(14 + ((frame[14] ?? 0) & 15) * 4 + 8);
}

/** RFC 2131 section 2 and RFC 2132 section 2. */
function reply(message: Buffer): CapturedReply {
  const options = new Map<number, Buffer>();
  for (let at = 240; at < message.length && message[at] !== 255;) {
    const code = message[at] ?? 0;
    if (code === 0) {
      at += 1;
      continue;
    }
    const length = message[at + 1] ?? 0;
    options.set(code, message.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return { yiaddr: dotted(message.subarray(16, 20)), siaddr: dotted(message.subarray(20, 24)), file: cString(message.subarray(108, 236)), options };
}

function dotted(bytes: Buffer): string {
  return [...bytes].join(".");
}

function cString(bytes: Buffer): string {
  return bytes.toString("latin1").replace(/\0.*$/s, "");
}

const list = (bytes: Buffer): string => Array.from({ length: bytes.length / 4 }, (_, index) => dotted(bytes.subarray(index * 4, index * 4 + 4))).join(", ");
const duration = (bytes: Buffer): string => `${String(bytes.readUInt32BE())} s`;

const readable: Readonly<Record<number, readonly [string, (bytes: Buffer) => string]>> = {
  1: ["subnet-mask", dotted], 3: ["routers", list], 6: ["domain-name-servers", list], 12: ["host-name", cString], 15: ["domain-name", cString],
  28: ["broadcast-address", dotted], 51: ["lease-time", duration], 54: ["server-identifier", dotted], 58: ["renewal-time", duration],
  59: ["rebinding-time", duration], 66: ["tftp-server-name", cString], 67: ["bootfile-name", cString],
};

/** The lines by which a plan would tell it; the message type and what a client only gets back are no part of a plan. */
export function captureLines(captured: CapturedReply, prefix: number): string {
  const codes = [...captured.options.keys()].filter((code) => ![53, 61, 82, 97].includes(code)).sort((a, b) => a - b);
  const lines = codes.map((code) => {
    const [name, read] = readable[code] ?? ["?", (bytes: Buffer) => bytes.toString("hex")];
    return `option ${String(code)} ${name} ${read(captured.options.get(code) ?? Buffer.alloc(0))}`;
  });
  return [`address ${captured.yiaddr}/${String(prefix)}`, `next-server ${captured.siaddr}`, `boot-file ${captured.file}`, ...lines, ""].join("\n");
}
