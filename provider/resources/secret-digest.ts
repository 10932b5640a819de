import { createHmac } from "node:crypto";

/**
 * A digest of each secret, by its name: that a secret has changed shows in a plan, and nothing else of it. Keyed by the control
 * key, itself a secret, since a bare hash of a short password can be guessed; the name is hashed too, so that two secrets of the
 * same text don't look alike.
 */
export function secretDigests(controlKey: string, secrets: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, digest(controlKey, name, value)]));
}

/** 64 bits: enough for a change to show, and short in a state file. */
function digest(controlKey: string, name: string, value: string): string {
  const text = JSON.stringify(["pulumi-pxe secret digest", name, value]);
  return `hmac:${createHmac("sha256", controlKey).update(text).digest("hex").slice(0, 16)}`;
}
