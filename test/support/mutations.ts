import type { Random } from "./random";

/** Bytes before the options. */
const head = 240;
const longestDatagram = 65_507;

interface Option {
  code: number;
  /** What the length says. */
  length: number;
  value: Uint8Array;
}

/** The options as they stand, without the codec. */
function read(bytes: Uint8Array): Option[] {
  const found: Option[] = [];
  for (let at = head; at < bytes.length && bytes[at] !== 255;) {
    const code = bytes[at] ?? 0;
    if (code === 0) {
      at += 1;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    found.push({ code, length, value: bytes.slice(at + 2, at + 2 + length) });
    at += 2 + length;
  }
  return found;
}

function write(from: Uint8Array, options: readonly Option[]): Uint8Array {
  const parts = options.flatMap(({ code, length, value }) => [Uint8Array.of(code, length), value]);
  return Uint8Array.from(Buffer.concat([from.subarray(0, head), ...parts, Uint8Array.of(255)])).slice(0, longestDatagram);
}

function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

/** Values that break things: ends of ranges, formats, terminals. */
const nasty: readonly [string, ...string[]] = ["", "\0", "\u00ff", "\0\0\0\0", "%s%n%x", "../../etc/passwd", "\u001b]0;x\u0007\r\n", "PXEClient", "PXEClient:Arch:99999", "HTTPClient:Arch:00016", "iPXE", "d-i", "a".repeat(255)];

type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array;

function onOptions(change: (options: Option[], random: Random) => Option[]): Mutation {
  return (bytes, random) => (bytes.length < head ? bytes : write(bytes, change(read(bytes), random)));
}

const one = (options: Option[], random: Random, change: (option: Option) => Option): Option[] => {
  const chosen = random.below(Math.max(1, options.length));
  return options.map((option, index) => (index === chosen ? change(option) : option));
};

/** By name, so that a failure tells what was done. */
export const mutations: Readonly<Record<string, Mutation>> = {
  bits: (bytes, random) => {
    const changed = bytes.slice();
    for (let count = 1 + random.below(8); count > 0 && changed.length > 0; count--) {
      const at = random.below(changed.length);
      changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
    }
    return changed;
  },
  cut: (bytes, random) => bytes.slice(0, random.below(bytes.length + 1)),
  extended: (bytes, random) => Uint8Array.from(Buffer.concat([bytes, randomBytes(random, random.below(600))])),
  header: (bytes, random) => {
    const changed = bytes.slice();
    // op, htype, hlen, hops, secs, flags, and the four addresses: the ends of their ranges, or anything.
    const at = random.pick([0, 1, 2, 3, 8, 9, 10, 12, 16, 20, 24, 28]);
    const length = at >= 12 && at < 28 ? 4 : 1;
    for (let index = at; index < Math.min(at + length, changed.length); index++) changed[index] = random.pick([0, 1, 16, 17, 127, 128, 255, random.below(256)]);
    return changed;
  },
  shuffled: onOptions((options, random) => {
    const left = [...options];
    const mixed: Option[] = [];
    while (left.length > 0) mixed.push(...left.splice(random.below(left.length), 1));
    return mixed;
  }),
  doubled: onOptions((options, random) => options.flatMap((option) => Array.from({ length: random.below(4) === 0 ? 1 + random.below(5) : 1 }, () => option))),
  removed: onOptions((options, random) => options.filter(() => random.below(3) > 0)),
  lied: onOptions((options, random) => one(options, random, (option) => ({ ...option, length: random.pick([0, 1, 3, 255, random.below(256)]) }))),
  value: onOptions((options, random) => one(options, random, (option) => {
    const value = random.below(2) === 0 ? randomBytes(random, random.below(256)) : Uint8Array.from(Buffer.from(random.pick(nasty), "latin1"));
    return { ...option, length: value.length, value };
  })),
  type: onOptions((options, random) => options.map((option) => (option.code === 53 ? { ...option, value: Uint8Array.of(random.below(20)) } : option))),
  strange: onOptions((options, random) => {
    const value = randomBytes(random, random.below(256));
    return [...options, { code: 1 + random.below(254), length: value.length, value }];
  }),
  // RFC 3396: one option in so many parts that the datagram is full.
  endless: onOptions((options, random) => {
    const { code, value } = options[random.below(Math.max(1, options.length))] ?? { code: 82, value: Uint8Array.of(1, 1, 1) };
    const parts = Array.from({ length: 1 + random.below(6) }, () => ({ code, length: 255, value: Uint8Array.from({ length: 255 }, (_, index) => value[index % Math.max(1, value.length)] ?? 0) }));
    return [...options, ...parts];
  }),
  overloaded: (bytes, random) => {
    const changed = onOptions((options) => [...options, { code: 52, length: 1, value: Uint8Array.of(random.below(5)) }])(bytes, random).slice();
    for (let at = 44; at < 236; at++) changed[at] = random.pick([0, 1, 3, 12, 52, 53, 255, random.below(256)]);
    return changed;
  },
};

const names = Object.keys(mutations) as [string, ...string[]];

/** One of the good packets, changed in one to three ways. */
export function mutated(random: Random, good: readonly Uint8Array[]): { readonly bytes: Uint8Array; readonly how: string } {
  let bytes = good[random.below(good.length)] ?? new Uint8Array(0);
  const how: string[] = [];
  for (let count = 1 + random.below(3); count > 0; count--) {
    const name = random.pick(names);
    how.push(name);
    bytes = mutations[name]?.(bytes, random) ?? bytes;
  }
  return { bytes, how: how.join(" ") };
}
