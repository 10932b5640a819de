import * as z from "zod";
import { credentials, hostName, proxyJump, userName } from "./jump";

const remoteTarget = z.strictObject({
  /** Name or address (IPv4, or IPv6 without brackets), or an alias of the operator's SSH configuration. */
  host: hostName,
  port: z.int().min(1).max(65535).optional(),
  /** Default: what the SSH configuration says, else root. */
  user: userName.optional(),
  ...credentials,
  /** `SHA256:…` of the target's host key, or `trust-first`. Default: what known_hosts says. */
  hostKey: z
    .string()
    .regex(/^(SHA256:[A-Za-z0-9+/]{43}=?|trust-first)$/, { error: 'is neither a fingerprint like SHA256:… nor "trust-first"' })
    .optional(),
  /** Whether commands go through `sudo -n`. */
  sudo: z.boolean().optional(),
  /** The bastions to go through; none where the list is empty. Default: what the SSH configuration says. */
  proxyJump: proxyJump.optional(),
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
