import { joined, readUint32, writeUint32 } from "./bytes";
import { doesNotFit, malformedOption, optionType } from "./option-type";
import { decodeSubOptions, encodeSubOptions, type SubOption } from "./sub-options";

/** What one vendor's part of option 124 says: classes, each behind its length, which only the vendor reads further. */
export interface VendorClassData {
  /** IANA's number of the vendor. */
  readonly enterprise: number;
  readonly data: Uint8Array;
}

/** RFC 3925 section 3. */
export const vendorClasses = optionType<readonly VendorClassData[]>({
  name: "vendor classes",
  limits: { min: 5 },
  decode: readParts,
  encode: writeParts,
});

/** What one vendor's part of option 125 says. */
export interface VendorOptions {
  readonly enterprise: number;
  readonly items: readonly SubOption[];
}

/** Sub-options have neither PAD nor END (RFC 3925 section 4). */
const rules = { padAndEnd: false };

export const vendorOptions = optionType<readonly VendorOptions[]>({
  name: "vendor options",
  limits: { min: 5 },
  decode: (bytes, label) => readParts(bytes, label).map(({ enterprise, data }) => ({ enterprise, items: decodeSubOptions(data, rules) })),
  encode: (parts, label) => writeParts(parts.map(({ enterprise, items }) => ({ enterprise, data: encodeSubOptions(items, rules) })), label),
});

/** Bytes in front of the data: the enterprise and the length. */
const head = 5;

function readParts(bytes: Uint8Array, label: string): VendorClassData[] {
  const parts: VendorClassData[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const start = offset + head;
    const end = start + (bytes[offset + 4] ?? 0);
    if (end > bytes.length) throw malformedOption(label, "has a vendor's part that is cut");
    parts.push({ enterprise: readUint32(bytes, offset), data: bytes.subarray(start, end) });
    offset = end;
  }
  return parts;
}

function writeParts(parts: readonly VendorClassData[], label: string): Uint8Array {
  return joined(parts.flatMap(({ enterprise, data }) => {
    if (!Number.isInteger(enterprise) || enterprise < 0 || enterprise > 0xffffffff) throw doesNotFit(label, `the enterprise number ${String(enterprise)}`);
    if (data.length > 255) throw doesNotFit(label, `a part of ${String(data.length)} bytes`);
    const first = new Uint8Array(head);
    writeUint32(first, 0, enterprise);
    first[4] = data.length;
    return [first, data];
  }));
}
