/** What of a file is asked for: bytes `start` to `end`, both included. */
export type RangeAnswer =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly start: number; readonly end: number }
  | { readonly kind: "unsatisfiable" };

const whole: RangeAnswer = { kind: "whole" };

/**
 * Reads a Range header (RFC 9110 section 14.2). Anything but one range of bytes is ignored, as the RFC allows: the whole file is
 * then the answer.
 * @param size bytes of the file
 */
export function parseRange(header: string | undefined, size: number): RangeAnswer {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "");
  if (match === null) return whole;
  const [, from = "", to = ""] = match;
  if (from === "" && to === "") return whole;
  if (from === "") {
    const length = Math.min(Number(to), size);
    return length === 0 ? { kind: "unsatisfiable" } : { kind: "part", start: size - length, end: size - 1 };
  }
  const start = Number(from);
  if (to !== "" && Number(to) < start) return whole;
  if (start >= size) return { kind: "unsatisfiable" };
  return { kind: "part", start, end: to === "" ? size - 1 : Math.min(Number(to), size - 1) };
}
