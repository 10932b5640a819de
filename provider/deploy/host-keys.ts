import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { pxeError, type PxeError } from "../errors";
import { fingerprint, keyType } from "./keys";

/** A host key that known_hosts names for the address asked about. */
export interface KnownKey {
  readonly type: string;
  /** The public key blob. */
  readonly blob: Buffer;
  readonly revoked: boolean;
}

/** The name that known_hosts files a host under (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export function knownHostsName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${String(port)}`;
}

/** Reads the keys of one host out of the text of a known_hosts file. Lines that don't parse are passed over, as ssh does. */
export function knownKeys(text: string, host: string, port: number): KnownKey[] {
  const name = knownHostsName(host, port);
  const keys: KnownKey[] = [];
  for (const line of text.split("\n")) {
    const fields = line.trim().split(/\s+/);
    const marker = fields[0]?.startsWith("@") === true ? fields.shift() : undefined;
    const [patterns, type, blob] = fields;
    if (marker === "@cert-authority" || patterns?.startsWith("#") === true) continue;
    if (patterns === undefined || type === undefined || blob === undefined || !namesHost(patterns, name)) continue;
    keys.push({ type, blob: Buffer.from(blob, "base64"), revoked: marker === "@revoked" });
  }
  return keys;
}

function namesHost(patterns: string, name: string): boolean {
  if (patterns.startsWith("|1|")) {
    const [, , salt, hash] = patterns.split("|");
    if (salt === undefined || hash === undefined) return false;
    return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === hash;
  }
  let found = false;
  for (const pattern of patterns.split(",")) {
    const negated = pattern.startsWith("!");
    if (!globMatches(negated ? pattern.slice(1) : pattern, name)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

function globMatches(pattern: string, name: string): boolean {
  const source = pattern.toLowerCase().replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`).test(name);
}

/** The known_hosts text that holds for this user; PXE_KNOWN_HOSTS names a file to use instead. */
export function readKnownHosts(env: NodeJS.ProcessEnv): string {
  const override = env["PXE_KNOWN_HOSTS"];
  const files = override === undefined ? [join(homedir(), ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"] : [override];
  return files.map(readIfThere).join("\n");
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** What is expected of the host key of one connection. */
export interface HostKeyPolicy {
  readonly host: string;
  readonly port: number;
  /** `SHA256:…`, `trust-first`, or undefined: known_hosts decides. */
  readonly hostKey?: string | undefined;
  /** With `trust-first`: the fingerprint recorded earlier, which then binds. */
  readonly expected?: string | undefined;
  readonly known: readonly KnownKey[];
}

/** Judges a host key that was presented: undefined when it is the right one. */
export function judgeHostKey(policy: HostKeyPolicy, blob: Buffer): PxeError | undefined {
  const seen = fingerprint(blob);
  const called = `${policy.host}:${String(policy.port)}`;
  const shown = `${called} presents the ${keyType(blob)} host key ${seen}`;
  const pinned = policy.hostKey === "trust-first" ? policy.expected : policy.hostKey;
  if (pinned !== undefined) {
    if (pinned.replace(/=$/, "") === seen) return undefined;
    const origin = policy.hostKey === "trust-first" ? "recorded when it was first trusted" : "pinned";
    return pxeError("PXE_HOST_KEY_CHANGED", `${shown}, but ${pinned} is ${origin}`, { where: [{ document: "target", property: "hostKey" }] });
  }
  if (policy.hostKey === "trust-first") return undefined;
  if (policy.known.some((key) => key.revoked && key.blob.equals(blob))) {
    return pxeError("PXE_HOST_KEY_CHANGED", `${shown}, which known_hosts marks as revoked`, { where: [{ document: "target", property: "hostKey" }] });
  }
  const usable = policy.known.filter((key) => !key.revoked);
  if (usable.some((key) => key.blob.equals(blob))) return undefined;
  if (usable.length > 0) {
    const listed = usable.map((key) => `${key.type} ${fingerprint(key.blob)}`).join(", ");
    return pxeError("PXE_HOST_KEY_CHANGED", `${shown}, but known_hosts lists ${listed}`, {
      where: [{ document: "target", property: "hostKey" }],
      fix: `If the target was really reinstalled, run ssh-keygen -R '${knownHostsName(policy.host, policy.port)}' or pin the new key; otherwise somebody is in between.`,
    });
  }
  return pxeError("PXE_HOST_KEY_UNKNOWN", `${shown}, which is neither pinned nor in known_hosts`, {
    where: [{ document: "target", property: "hostKey" }],
    fix: `If the fingerprint is the target's own (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub there), pin it: target.hostKey = "${seen}".`,
  });
}

const keyAlgorithms = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
] as const;
export type HostKeyAlgorithm = (typeof keyAlgorithms)[number];

/** Host key algorithms to offer, those of known keys first: a server has several keys and shows the first that is asked for. */
export function offeredAlgorithms(known: readonly KnownKey[]): HostKeyAlgorithm[] {
  const types = new Set(known.filter((key) => !key.revoked).map((key) => key.type));
  const isKnown = (name: HostKeyAlgorithm): boolean => types.has(name.startsWith("rsa-") ? "ssh-rsa" : name);
  return [...keyAlgorithms.filter(isKnown), ...keyAlgorithms.filter((name) => !isKnown(name))];
}
