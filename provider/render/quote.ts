import { pxeError } from "../errors";

/** The places that a value can stand in, by the helper that quotes for it. */
export const quoteStyles = ["sh", "ks", "yaml", "preseed"] as const;
export type QuoteStyle = (typeof quoteStyles)[number];

/** Quotes a value for its place, so that nothing in it is read as syntax. Throws PXE_TEMPLATE_UNSAFE where no quoting can. */
export function quote(style: QuoteStyle, value: string): string {
  switch (style) {
    case "sh":
      refuse(style, value, /\0/);
      return `'${value.replaceAll("'", "'\\''")}'`;
    case "ks":
      // pykickstart splits commands with Python's shlex in POSIX mode: inside double quotes only \ and " are special.
      refuse(style, value, /[\0\r\n]/);
      return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
    case "yaml":
      // YAML 1.2 section 1.3: every JSON string is a YAML double-quoted scalar.
      return JSON.stringify(value);
    case "preseed":
      // debconf-set-selections takes the rest of the line as the value; a trailing backslash would join the next line to it.
      refuse(style, value, /[\0\r\n]|\\$/);
      return value;
  }
}

function refuse(style: QuoteStyle, value: string, forbidden: RegExp): void {
  if (forbidden.test(value)) {
    throw pxeError("PXE_TEMPLATE_UNSAFE", `${style}() cannot hold a value with a line break, NUL or trailing backslash`, {
      fix: "Take the character out of the value.",
    });
  }
}

/** Characters that mean nothing special in a shell word, a kickstart command, a YAML plain scalar or a preseed value. */
const harmless = /^[\p{L}\p{N}_.,:/@%+=~-]*$/u;

/** Whether a value may stand unquoted in any answer file. */
export function isHarmless(value: string): boolean {
  return harmless.test(value);
}
