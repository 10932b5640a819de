import crypto from "node:crypto";
import fs from "node:fs";
import { run } from "./process";

/** An SSH key pair on disk. */
export interface KeyPair {
  readonly privateKeyPath: string;
  readonly privateKey: string;
  /** One line: type, base64, comment. */
  readonly publicKey: string;
  /** As `ssh-keygen -l` prints it: `SHA256:` and base64 without padding. */
  readonly fingerprint: string;
}

/** The fingerprint of a public key line. */
export function fingerprintOf(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(" ")[1] ?? "", "base64");
  return `SHA256:${crypto.createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/** Makes an ed25519 key pair without a passphrase. */
export async function makeKeyPair(privateKeyPath: string, comment: string): Promise<KeyPair> {
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", privateKeyPath]);
  const publicKey = fs.readFileSync(`${privateKeyPath}.pub`, "utf8").trim();
  return { privateKeyPath, privateKey: fs.readFileSync(privateKeyPath, "utf8"), publicKey, fingerprint: fingerprintOf(publicKey) };
}
