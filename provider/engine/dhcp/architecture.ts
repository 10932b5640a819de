import type { Firmware } from "../boot";

/** What a code of option 93 stands for. */
export interface Architecture {
  readonly firmware: Firmware;
  /** Whether the code says that the machine boots by HTTP rather than by TFTP. */
  readonly http: boolean;
}

const other: Architecture = { firmware: "other", http: false };
const otherHttp: Architecture = { firmware: "other", http: true };

/**
 * Processor Architecture Types (IANA; RFC 4578 section 2.1). The RFC prints 7 and 9 swapped (erratum 4624): 7 is x64, and 9,
 * which is EBC, is what some x64 machines send.
 */
const architectures: ReadonlyMap<number, Architecture> = new Map([
  [0, { firmware: "bios", http: false }],
  [6, other],
  [7, { firmware: "uefi-x64", http: false }],
  [9, { firmware: "uefi-x64", http: false }],
  [10, other],
  [11, { firmware: "uefi-arm64", http: false }],
  [15, otherHttp],
  [16, { firmware: "uefi-x64", http: true }],
  [17, { firmware: "uefi-x64", http: true }],
  [18, otherHttp],
  [19, { firmware: "uefi-arm64", http: true }],
  [20, { firmware: "bios", http: true }],
  [21, other], [22, other], [23, otherHttp], [24, otherHttp],
  [25, other], [27, other], [29, other], [26, otherHttp], [28, otherHttp], [30, otherHttp],
  [37, other], [39, other], [38, otherHttp], [40, otherHttp],
  [41, other],
]);

/** The first code that is known counts; codes that nobody assigned are `other`, no codes at all `unknown`. */
export function architectureOf(codes: readonly number[]): Architecture {
  for (const code of codes) {
    const known = architectures.get(code);
    if (known !== undefined) return known;
  }
  return codes.length === 0 ? { firmware: "unknown", http: false } : other;
}
