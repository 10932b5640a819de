import { bootPath } from "../../engine/transfer-path";

/**
 * The parts of a request target's path, decoded; undefined where it is refused (see `bootPath`). Doubled slashes count as one:
 * shim asks for `//grubx64.efi`.
 */
export function targetParts(target: string): readonly string[] | undefined {
  // The absolute form (RFC 9112 section 3.2.2) is what proxies are sent, and every server takes.
  const raw = target.replace(/^https?:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  // Encoded separators and dots have no honest use here, and are how a check made before decoding is passed.
  if (/%(2e|2f|5c|0|1|7f)/i.test(raw)) return undefined;
  let decoded: string;
  try {
    decoded = decodeURIComponent(raw);
  } catch {
    return undefined;
  }
  return bootPath(decoded)?.split("/");
}
