import { createHash, createPrivateKey, createPublicKey, randomBytes } from "node:crypto";
import ssh2 from "ssh2";
import { pxeError } from "../errors";

/** RFC 4251 section 5: a string is its length in four bytes, then its bytes. */
function sshString(value: Buffer | string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function pem(body: Buffer): string {
  const lines = body.toString("base64").match(/.{1,70}/g) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
}

/** A control key stands in the state of every resource, so it is written as short as it can be: 32 random bytes, RFC 8032's seed. */
const compactKey = /^ed25519:([A-Za-z0-9_-]{43})$/;

/** Makes a control key: `ed25519:` and the base64url seed. */
export function generateControlKey(): string {
  return `ed25519:${randomBytes(32).toString("base64url")}`;
}

/** RFC 8410 section 7: what stands before the seed in the PKCS#8 form of an ed25519 key. */
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

/** A control key as OpenSSH's programs read it (openssh-portable, PROTOCOL.key); other texts stay as they are. */
export function openSshKey(key: string): string {
  const encoded = compactKey.exec(key)?.[1];
  if (encoded === undefined) return key;
  const seed = Buffer.from(encoded, "base64url");
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: "der", type: "pkcs8" });
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  if (x === undefined) throw pxeError("PXE_INTERNAL", "the ed25519 key has no JWK form");
  const point = Buffer.from(x, "base64url");
  const publicBlob = Buffer.concat([sshString("ssh-ed25519"), sshString(point)]);
  // OpenSSH repeats a number of its own choice to tell a wrong passphrase: the same key always gives the same text.
  const check = createHash("sha256").update(point).digest().subarray(0, 4);
  const inner = Buffer.concat([check, check, publicBlob, sshString(Buffer.concat([seed, point])), sshString("pulumi-pxe")]);
  const padding = Buffer.from(Array.from({ length: (8 - (inner.length % 8)) % 8 }, (_, index) => index + 1));
  const one = Buffer.from([0, 0, 0, 1]);
  return pem(
    Buffer.concat([
      Buffer.from("openssh-key-v1\0"),
      sshString("none"),
      sshString("none"),
      sshString(""),
      one,
      sshString(publicBlob),
      sshString(Buffer.concat([inner, padding])),
    ]),
  );
}

/**
 * The public half of a private key as an authorized_keys entry without comment: `ssh-ed25519 AAAA…`.
 * @throws PXE_AUTH_FAILED when the text is no private key, or has a passphrase
 */
export function publicKeyOf(privateKey: string): string {
  const parsed = parsePrivateKey(privateKey, "the control key");
  return `${parsed.type} ${parsed.getPublicSSH().toString("base64")}`;
}

/**
 * Parses a private key in any form that OpenSSH writes, PKCS#8, and a control key's own form.
 * @throws PXE_AUTH_FAILED saying what is wrong with it
 */
export function parsePrivateKey(text: string, called: string): ssh2.ParsedKey {
  const direct = parseFirst(text);
  if (!(direct instanceof Error)) return direct;
  const converted = fromPkcs8(text);
  if (converted !== undefined) return converted;
  const encrypted = /encrypted|passphrase/i.test(direct.message);
  throw pxeError("PXE_AUTH_FAILED", `${called} can't be read: ${direct.message}`, {
    ...(encrypted ? { fix: "Load the key into an SSH agent and set target.agent, or give a key without passphrase." } : {}),
    cause: direct,
  });
}

function parseFirst(text: string): ssh2.ParsedKey | Error {
  // For some forms it returns a list, which its types don't tell.
  const parsed = ssh2.utils.parseKey(openSshKey(text)) as ssh2.ParsedKey | ssh2.ParsedKey[] | Error;
  if (!Array.isArray(parsed)) return parsed;
  return parsed[0] ?? new Error("it holds no key");
}

/** ssh2 doesn't read `BEGIN PRIVATE KEY`; for RSA and EC the older PEM forms say the same. */
function fromPkcs8(text: string): ssh2.ParsedKey | undefined {
  if (!text.includes("-----BEGIN PRIVATE KEY-----")) return undefined;
  try {
    const key = createPrivateKey(text);
    const type = key.asymmetricKeyType === "rsa" ? "pkcs1" : "sec1";
    const parsed = parseFirst(key.export({ format: "pem", type }).toString());
    return parsed instanceof Error ? undefined : parsed;
  } catch {
    return undefined;
  }
}

/** The fingerprint as ssh-keygen writes it: `SHA256:` and unpadded base64. */
export function fingerprint(publicBlob: Buffer): string {
  return `SHA256:${createHash("sha256").update(publicBlob).digest("base64").replace(/=+$/, "")}`;
}

/** The algorithm that a public key blob names first: `ssh-ed25519`, `ssh-rsa` … */
export function keyType(publicBlob: Buffer): string {
  if (publicBlob.length < 4) return "unknown";
  const length = publicBlob.readUInt32BE(0);
  return publicBlob.subarray(4, 4 + Math.min(length, 64)).toString("latin1");
}
