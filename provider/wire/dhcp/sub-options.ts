import { pxeError } from "../../errors";

/** One sub-option of an encapsulating option such as 43 or 82. */
export interface SubOption {
  readonly code: number;
  readonly value: Uint8Array;
}

/** How the inside of an option is laid out. */
export interface SubOptionRules {
  /** Option 43 (RFC 2132 section 8.4) has PAD and END; option 82 (RFC 3046 section 2.0) has neither. */
  readonly padAndEnd: boolean;
}

/**
 * Reads the sub-options in their order, repeated ones included.
 * @throws PXE_PACKET_MALFORMED when one is cut
 */
export function decodeSubOptions(bytes: Uint8Array, rules: SubOptionRules): readonly SubOption[] {
  const found: SubOption[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const code = bytes[offset] ?? 0;
    if (rules.padAndEnd && code === 0) {
      offset += 1;
      continue;
    }
    if (rules.padAndEnd && code === 255) break;
    const length = bytes[offset + 1];
    const start = offset + 2;
    if (length === undefined || start + length > bytes.length) {
      throw pxeError("PXE_PACKET_MALFORMED", `the DHCP packet is malformed: sub-option ${String(code)} is cut`);
    }
    found.push({ code, value: bytes.subarray(start, start + length) });
    offset = start + length;
  }
  return found;
}

/**
 * Writes sub-options in the order given.
 * @throws PXE_ENCODING_OVERFLOW when a value has more than 255 bytes, or for a code that would be read as PAD or END
 */
export function encodeSubOptions(items: readonly SubOption[], rules: SubOptionRules): Uint8Array {
  const parts: number[] = [];
  for (const { code, value } of items) {
    if (!Number.isInteger(code) || code < 0 || code > 255 || (rules.padAndEnd && (code === 0 || code === 255))) {
      throw pxeError("PXE_ENCODING_OVERFLOW", `${String(code)} is not the code of a sub-option`);
    }
    if (value.length > 255) throw pxeError("PXE_ENCODING_OVERFLOW", `sub-option ${String(code)} has ${String(value.length)} bytes`);
    parts.push(code, value.length, ...value);
  }
  if (rules.padAndEnd) parts.push(255);
  return Uint8Array.from(parts);
}
