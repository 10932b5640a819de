import * as z from "zod";

const noControl = /^[^\x00-\x20\x7f]+$/;

const remoteTarget = z.strictObject({
  /** Name or address (IPv4, or IPv6 without brackets). */
  host: z
    .string()
    .max(253)
    .regex(noControl, { error: "is empty or holds white space" })
    .refine((text) => !text.includes("@") && !text.startsWith("["), { error: "is a bare name or address: user and port have properties of their own" }),
  port: z.int().min(1).max(65535).optional(),
  /** Default: root. */
  user: z.string().max(64).regex(/^[^\x00-\x20\x7f:@]+$/, { error: "is not a user name" }).optional(),
  /** The text of a private key, OpenSSH or PEM, without passphrase. */
  privateKey: z
    .string()
    .refine((text) => /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text), { error: "is not the text of a private key (OpenSSH or PEM)" })
    .optional(),
  /** A file on the operator's machine; `~/` is the home folder. */
  privateKeyPath: z.string().min(1, { error: "is empty" }).optional(),
  /** `true`: the agent at SSH_AUTH_SOCK; or the path of an agent's socket. */
  agent: z.union([z.boolean(), z.string().min(1)], { error: "is neither true, false nor the path of a socket" }).optional(),
  password: z.string().min(1, { error: "is empty" }).optional(),
  /** `SHA256:…` of the target's host key, or `trust-first`. Default: what known_hosts says. */
  hostKey: z
    .string()
    .regex(/^(SHA256:[A-Za-z0-9+/]{43}=?|trust-first)$/, { error: 'is neither a fingerprint like SHA256:… nor "trust-first"' })
    .optional(),
  /** Whether commands go through `sudo -n`. */
  sudo: z.boolean().optional(),
});

/** A machine reached over SSH. */
export type RemoteTarget = z.output<typeof remoteTarget>;

/** Where the agent runs: this machine, or one reached over SSH. */
export type Target = "local" | RemoteTarget;

/** Checks a target; every failure is told by its own property path, which a union of schemas would swallow. */
export const targetSchema = z.unknown().transform((value, context): Target => {
  if (value === "local") return "local";
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    context.addIssue({ code: "custom", message: 'is neither "local" nor an object with a host' });
    return z.NEVER;
  }
  const parsed = remoteTarget.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
  return z.NEVER;
});
