import { latin1, latin1Bytes } from "./bytes";
import { doesNotFit, malformedOption, optionType } from "./option-type";

/** RFC 1035 section 2.3.4, in bytes. */
const longestLabel = 63;
const longestName = 255;

/** The first two bits of a length: the other 14 point to where the name goes on (RFC 1035 section 4.1.4). */
const pointerBits = 0xc0;
const furthestPointer = 0x3fff;

/** What all names of one option may have, told out: pointers could make a packet hold megabytes. */
const longestList = 65_535;

/** Domain names with compression inside the option, whose parts are joined first (RFC 3397 section 2). Without a final dot. */
export const domainNames = optionType<readonly string[]>({
  name: "domain names",
  limits: { min: 1 },
  decode(bytes, label) {
    const names: string[] = [];
    let told = 0;
    let offset = 0;
    while (offset < bytes.length) {
      const { labels, next, length } = readName(bytes, offset, label);
      told += length;
      if (told > longestList) throw malformedOption(label, "has names without end");
      names.push(labels.map(labelText).join("."));
      offset = next;
    }
    return names;
  },
  encode(names, label) {
    const all: number[] = [];
    const known = new Map<string, number>();
    for (const name of names) writeName(all, nameLabels(name, label), known);
    return Uint8Array.from(all);
  },
});

/** The labels of a name as bytes; `a.b` and `a.b.` are the same. A label's own dot stands as `\.`, odd bytes as `\007` (RFC 1035 section 5.1). */
export function nameLabels(name: string, label: string): readonly Uint8Array[] {
  const tokens = name === "." ? [] : (name.match(/(?:\\\d{3}|\\[^]|[^.\\])+|\./g) ?? []);
  const labels = tokens.filter((token) => token !== ".").map((token) => labelBytes(token, label));
  const isBroken = tokens.some((token, index) => token === "." && (tokens[index - 1] ?? ".") === ".") || (name !== "." && tokens.join("") !== name);
  const length = labels.reduce((sum, each) => sum + each.length + 1, 1);
  if (isBroken || length > longestName || labels.some((each) => each.length > longestLabel)) throw doesNotFit(label, `"${name}"`);
  return labels;
}

/** A label as it is written. */
export function labelText(label: Uint8Array): string {
  return latin1(label).replace(/[.\\]|[^\x21-\x7e]/g, (char) => {
    return char === "." || char === "\\" ? `\\${char}` : `\\${String(char.charCodeAt(0)).padStart(3, "0")}`;
  });
}

interface ReadName {
  readonly labels: readonly Uint8Array[];
  /** Where the next name begins. */
  readonly next: number;
  /** Bytes of the name, without compression. */
  readonly length: number;
}

/** Each pointer leads to before all that was read of the name, so the way ends. */
function readName(bytes: Uint8Array, from: number, label: string): ReadName {
  const labels: Uint8Array[] = [];
  let offset = from;
  let earliest = from;
  let next: number | undefined;
  let total = 1;
  for (;;) {
    const length = bytes[offset];
    if (length === undefined) throw malformedOption(label, "has a name that is cut");
    if (length === 0) return { labels, next: next ?? offset + 1, length: total };
    if (length >= pointerBits) {
      const low = bytes[offset + 1];
      if (low === undefined) throw malformedOption(label, "has a name that is cut");
      const target = ((length & ~pointerBits) << 8) | low;
      if (target >= earliest) throw malformedOption(label, "has a name that points forward or at itself");
      next ??= offset + 2;
      offset = target;
      earliest = target;
      continue;
    }
    const end = offset + 1 + length;
    if (length > longestLabel || end > bytes.length) throw malformedOption(label, "has a label that is cut or too long");
    total += length + 1;
    if (total > longestName) throw malformedOption(label, "has a name that is too long");
    labels.push(bytes.subarray(offset + 1, end));
    offset = end;
  }
}

/** Points to the longest ending that stands already; `known` holds where. */
function writeName(all: number[], labels: readonly Uint8Array[], known: Map<string, number>): void {
  for (const [index, label] of labels.entries()) {
    const ending = labels.slice(index).map(labelText).join(".");
    const earlier = known.get(ending);
    if (earlier !== undefined) {
      all.push((pointerBits << 8 | earlier) >>> 8, earlier & 0xff);
      return;
    }
    if (all.length <= furthestPointer) known.set(ending, all.length);
    all.push(label.length, ...label);
  }
  all.push(0);
}

function labelBytes(part: string, label: string): Uint8Array {
  const plain = part.replace(/\\(?:(\d{3})|([^]))/g, (_, code: string | undefined, char: string | undefined) => char ?? String.fromCharCode(Number(code)));
  const bytes = latin1Bytes(plain);
  if (bytes === undefined) throw doesNotFit(label, `"${part}"`);
  return bytes;
}
