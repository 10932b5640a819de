import { PxeError, errorText, pxeError } from "../errors";
import { isHarmless, quote, quoteStyles, type QuoteStyle } from "./quote";

/**
 * Placeholders stand in rendered text for what is known only to the agent, or must not be in a state file. They are the whole
 * language that the agent understands: it replaces them and evaluates nothing.
 */
export const placeholders = {
  /** The agent's HTTP authority towards the client, `10.77.0.1` or `10.77.0.1:8080`. */
  server: "‹server›",
  /** The secret path segment of the install under way. */
  token: "‹token›",
  /** The client's address. */
  address: "‹address›",
  secret: (name: string, style?: QuoteStyle): string => `‹secret:${name}${style === undefined ? "" : `|${style}`}›`,
  /** The URL path of one of the profile's files, where its hash is not known before it has been fetched. */
  asset: (name: string): string => `‹asset:${name}›`,
  /** Only in previews: depends on something that does not exist yet. */
  unknown: "‹known after apply›",
} as const;

/** What the agent fills in. */
export interface PlaceholderValues {
  readonly server: string;
  readonly token: string;
  readonly address: string;
  readonly secrets: Readonly<Record<string, string>>;
  /** URL path (`/a/<sha256>/<name>`) by file name. */
  readonly assets: Readonly<Record<string, string>>;
}

const pattern = /‹(?:(server|token|address)|secret:([A-Za-z][A-Za-z0-9_]*)(?:\|([a-z]+))?|asset:([A-Za-z0-9._-]+))›/gu;

function isQuoteStyle(text: string): text is QuoteStyle {
  return (quoteStyles as readonly string[]).includes(text);
}

function secretText(values: PlaceholderValues, name: string, style: string | undefined): string {
  const value = Object.hasOwn(values.secrets, name) ? values.secrets[name] : undefined;
  if (value === undefined) throw pxeError("PXE_TEMPLATE_FAILED", `the secret "${name}" is not declared on the host`, { fix: "Add it to the host's secrets." });
  if (style === undefined) return plainSecret(name, value);
  if (!isQuoteStyle(style)) throw pxeError("PXE_TEMPLATE_FAILED", `‹secret:${name}|${style}› names an unknown quoting`);
  return quote(style, value);
}

/** Password hashes (crypt(5)) have `$` and stand unquoted in every answer file; no shell sees them there. */
function plainSecret(name: string, value: string): string {
  if (isHarmless(value.replaceAll("$", "")) && !/\$[({]/.test(value)) return value;
  throw pxeError("PXE_TEMPLATE_UNSAFE", `the secret "${name}" has characters that may be read as syntax and stands unquoted in the text`);
}

/** Replaces every placeholder. Throws PXE_TEMPLATE_FAILED or PXE_TEMPLATE_UNSAFE where one can't be. */
export function fill(text: string, values: PlaceholderValues): string {
  return text.replace(pattern, (_match, plain?: string, secret?: string, style?: string, asset?: string): string => {
    if (plain === "server" || plain === "token" || plain === "address") return values[plain];
    if (secret !== undefined) return secretText(values, secret, style);
    const path = asset !== undefined && Object.hasOwn(values.assets, asset) ? values.assets[asset] : undefined;
    if (path === undefined) throw pxeError("PXE_TEMPLATE_FAILED", `the profile has no file "${asset ?? ""}"`);
    return path;
  });
}

/** Whether text would differ from install to install: true for everything that may only be served to the host itself. */
export function holdsSecret(text: string): boolean {
  return /‹(?:token|secret:[^›]*)›/u.test(text);
}

/** Everything in the texts that could not be filled for a host with these secrets: what would otherwise fail at its first boot. */
export function unfillable(texts: Readonly<Record<string, string>>, secrets: Readonly<Record<string, string>>): { readonly path: string; readonly reason: string }[] {
  return Object.entries(texts).flatMap(([path, text]) => {
    const used = new Set([...text.matchAll(pattern)].filter((match) => match[2] !== undefined).map((match) => match[0]));
    return [...used].flatMap((placeholder) => {
      try {
        fill(placeholder, { server: "", token: "", address: "", secrets, assets: {} });
        return [];
      } catch (error) {
        return [{ path, reason: error instanceof PxeError ? error.findings[0].what : errorText(error) }];
      }
    });
  });
}
