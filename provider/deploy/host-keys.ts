import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { pxeError, type PxeError } from "../errors";
import { fingerprint, keyType } from "./keys";
import { matchesPatterns } from "./patterns";

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

/** Reads the keys of one host (see `knownHostsName`) out of the text of a known_hosts file. Lines that don't parse are passed over, as ssh does. */
export function knownKeys(text: string, name: string): KnownKey[] {
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
  return matchesPatterns(patterns.split(","), name);
}

/** The known_hosts text that holds for this user; PXE_KNOWN_HOSTS names a file to use instead of all. */
export function readKnownHosts(env: NodeJS.ProcessEnv, userFiles: readonly string[] = [join(homedir(), ".ssh", "known_hosts")]): string {
  const override = env["PXE_KNOWN_HOSTS"];
  const files = override === undefined || override === "" ? [...userFiles, "/etc/ssh/ssh_known_hosts"] : [override];
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
  /** How the machine is called in messages. */
  readonly called: string;
  /** The name that known_hosts files it under. */
  readonly knownAs: string;
  /** Where a pin stands: `hostKey`, `proxyJump[0].hostKey`. */
  readonly property: string;
  /** `SHA256:…`, `trust-first`, or undefined: known_hosts decides. */
  readonly hostKey?: string | undefined;
  /** With `trust-first`: the fingerprint recorded earlier, which then binds. */
  readonly expected?: string | undefined;
  readonly known: readonly KnownKey[];
}

/** Judges a host key that was presented: undefined when it is the right one. */
export function judgeHostKey(policy: HostKeyPolicy, blob: Buffer): PxeError | undefined {
  const seen = fingerprint(blob);
  const shown = `${policy.called} presents the ${keyType(blob)} host key ${seen}`;
  const where = [{ document: "target", property: policy.property }];
  const changed = (what: string, mend: string): PxeError =>
    pxeError("PXE_HOST_KEY_CHANGED", `${shown}, ${what}`, { where, fix: `If the machine was really reinstalled, ${mend}; otherwise somebody is in between.` });
  const pinned = policy.hostKey === "trust-first" ? policy.expected : policy.hostKey;
  if (pinned !== undefined) {
    if (pinned.replace(/=$/, "") === seen) return undefined;
    return policy.hostKey === "trust-first"
      ? changed(`but ${pinned} was recorded when it was first trusted`, `pin the new key: target.${policy.property} = "${seen}" (for refresh and destroy PXE_SSH_HOST_KEY in the environment)`)
      : changed(`but ${pinned} is pinned`, `set target.${policy.property} = "${seen}"`);
  }
  if (policy.hostKey === "trust-first") return undefined;
  const forget = `run ssh-keygen -R '${policy.knownAs}' or pin the new key: target.${policy.property} = "${seen}"`;
  if (policy.known.some((key) => key.revoked && key.blob.equals(blob))) return changed("which known_hosts marks as revoked", "give it another key");
  const usable = policy.known.filter((key) => !key.revoked);
  if (usable.some((key) => key.blob.equals(blob))) return undefined;
  if (usable.length > 0) return changed(`but known_hosts lists ${usable.map((key) => `${key.type} ${fingerprint(key.blob)}`).join(", ")}`, forget);
  return pxeError("PXE_HOST_KEY_UNKNOWN", `${shown}, which is neither pinned nor in known_hosts`, {
    where,
    fix: `If the fingerprint is the machine's own (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub there), pin it: target.${policy.property} = "${seen}", or have known_hosts list it.`,
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
