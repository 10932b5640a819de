import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";

/** A value as scapy has it: a number, a text such as an address, or bytes in hexadecimal. */
export type ScapyValue = number | string | { readonly hex: string };

/** A message as scapy has it; option codes with their values, in their order. */
export interface ScapyMessage {
  readonly fields: Readonly<Record<"op" | "htype" | "hlen" | "hops" | "xid" | "secs" | "flags", number>>;
  readonly addresses: Readonly<Record<"ciaddr" | "yiaddr" | "siaddr" | "giaddr", string>>;
  /** In hexadecimal, without trailing NULs. */
  readonly chaddr: string;
  readonly sname: string;
  readonly file: string;
  readonly options: readonly (readonly [number, readonly ScapyValue[]])[];
}

/** Values by way of scapy's own table of options: nothing here knows how one is written. */
const program = `
import json, logging, sys
logging.disable(logging.CRITICAL)
from scapy.layers.dhcp import BOOTP, DHCP, DHCPOptions, DHCPRevOptions
from scapy.fields import FieldListField

FIELDS = ["op", "htype", "hlen", "hops", "xid", "secs", "flags"]
ADDRESSES = ["ciaddr", "yiaddr", "siaddr", "giaddr"]

def told(value):
    if isinstance(value, (list, tuple)): return [each for item in value for each in told(item)]
    return [{"hex": value.hex()} if isinstance(value, bytes) else value]

def decode(data):
    packet = BOOTP(data)
    options = []
    for item in packet[DHCP].options:
        if item in ("end", "pad"): continue
        if not isinstance(item, tuple): raise ValueError("not understood: %r" % item)
        options.append([item[0] if isinstance(item[0], int) else DHCPRevOptions[item[0]][0], told(item[1:])])
    text = {name: getattr(packet, name).rstrip(b"\\0").hex() for name in ["chaddr", "sname", "file"]}
    return dict(fields={name: int(getattr(packet, name)) for name in FIELDS}, addresses={name: getattr(packet, name) for name in ADDRESSES}, options=options, **text)

def encode(message):
    options = []
    for code, values in message["options"]:
        values = [bytes.fromhex(value["hex"]) if isinstance(value, dict) else value for value in values]
        field = DHCPOptions.get(code, code)
        if isinstance(field, FieldListField): values = [values]
        options.append((getattr(field, "name", field), *values))
    text = {name: bytes.fromhex(message[name]) for name in ["chaddr", "sname", "file"]}
    return bytes(BOOTP(**message["fields"], **message["addresses"], **text) / DHCP(options=options + ["end"])).hex()

for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = decode(bytes.fromhex(asked["decode"])) if "decode" in asked else encode(asked["encode"])
        print(json.dumps({"answer": answer}), flush=True)
    except Exception as error:
        print(json.dumps({"error": repr(error)}), flush=True)
`;

/** Python's scapy, a DHCP codec that nobody here wrote. */
export class Scapy {
  private constructor(private readonly ask: (question: unknown) => Promise<unknown>) {}

  static start(t: TestContext): Scapy {
    // Debian's own Python has it, whichever other one comes first in the path.
    const child = spawn("/usr/bin/python3", ["-c", program], { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    t.after(async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    });
    return new Scapy(async (question) => {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error("scapy has ended");
      const { answer, error } = JSON.parse(value) as { answer?: unknown; error?: string };
      if (error !== undefined) throw new Error(`scapy: ${error}`);
      return answer;
    });
  }

  async decode(bytes: Uint8Array): Promise<ScapyMessage> {
    return await this.ask({ decode: Buffer.from(bytes).toString("hex") }) as ScapyMessage;
  }

  async encode(message: ScapyMessage): Promise<Buffer> {
    return Buffer.from(await this.ask({ encode: message }) as string, "hex");
  }
}
