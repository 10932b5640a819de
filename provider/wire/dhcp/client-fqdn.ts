import { joined, latin1, latin1Bytes } from "./bytes";
import { labelText, nameLabels } from "./domain-names";
import { doesNotFit, malformedOption, optionType } from "./option-type";

/** A client's name and who is to tell the DNS of it (RFC 4702 section 2). */
export interface ClientFqdn {
  /** Bits 1 S, 2 O, 4 E, 8 N (section 2.1). */
  readonly flags: number;
  /** Result of the A and the PTR update, 255 in replies (section 2.2). */
  readonly results: readonly [number, number];
  /** `host` is a name to be completed, `host.example.` a whole one, where E is set; the bytes as they came where it isn't. */
  readonly name: string;
}

/** The name is labels as in the DNS, without compression, rather than ASCII text (section 2.3.1). */
const encoded = 4;

export const clientFqdn = optionType<ClientFqdn>({
  name: "client FQDN",
  limits: { min: 3 },
  decode(bytes, label) {
    const [flags = 0, first = 0, second = 0] = bytes;
    const name = bytes.subarray(3);
    return { flags, results: [first, second], name: (flags & encoded) === 0 ? latin1(name) : readLabels(name, label) };
  },
  encode({ flags, results, name }, label) {
    if ([flags, ...results].some((value) => !Number.isInteger(value) || value < 0 || value > 0xff)) throw doesNotFit(label, `[${[flags, ...results].join(",")}]`);
    const text = (flags & encoded) === 0 ? latin1Bytes(name) : writeLabels(name, label);
    if (text === undefined) throw doesNotFit(label, `"${name}"`);
    return joined([Uint8Array.of(flags, ...results), text]);
  },
});

function readLabels(bytes: Uint8Array, label: string): string {
  const labels: string[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const length = bytes[offset] ?? 0;
    const end = offset + 1 + length;
    // What stands behind the end of a whole name says nothing.
    if (length === 0) return `${labels.join(".")}.`;
    if (length > 63 || end > bytes.length || end > 254) throw malformedOption(label, "has a label that is cut or too long");
    labels.push(labelText(bytes.subarray(offset + 1, end)));
    offset = end;
  }
  return labels.join(".");
}

function writeLabels(name: string, label: string): Uint8Array {
  const parts = nameLabels(name, label).flatMap((each) => [Uint8Array.of(each.length), each]);
  const isWhole = /(?:^|[^\\])(?:\\\\)*\.$/.test(name);
  return joined(isWhole ? [...parts, Uint8Array.of(0)] : parts);
}
