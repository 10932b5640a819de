import * as z from "zod";

/** A user's name on a target or bastion. */
export const userName = z.string().max(64).regex(/^[^\x00-\x20\x7f:@]+$/, { error: "is not a user name" });

/** A host's name or address, or an alias of the operator's SSH configuration. */
export const hostName = z
  .string()
  .max(253)
  .regex(/^[^\x00-\x20\x7f]+$/, { error: "is empty or holds white space" })
  .refine((text) => !text.includes("@") && !text.startsWith("["), { error: "is a bare name or address: user and port have properties of their own" });

/** The ways to prove who one is, of a target and of a bastion alike. */
export const credentials = {
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
};

const hop = z.strictObject({
  host: hostName,
  port: z.int().min(1).max(65535).optional(),
  /** Default: the operator's own name, as `ssh -J` has it. */
  user: userName.optional(),
  ...credentials,
  /** A pin; `trust-first` would need a place to keep what was seen. Default: what known_hosts says. */
  hostKey: z
    .string()
    .regex(/^SHA256:[A-Za-z0-9+/]{43}=?$/, { error: "is no fingerprint like SHA256:… (a bastion's key is pinned or in known_hosts)" })
    .optional(),
});

/** A bastion: an SSH server that connections go through. */
export type JumpHost = z.output<typeof hop>;

/** The hops in their order, the one that the operator reaches first before the others. */
export const proxyJump = z.unknown().transform((value, context): JumpHost[] => {
  const hops = Array.isArray(value) ? (value as unknown[]) : value === "none" ? [] : typeof value === "string" ? value.split(",") : [value];
  if (hops.length > 8) context.addIssue({ code: "custom", message: "has more than 8 hops" });
  return hops.flatMap((item, index) => {
    const parsed = hop.safeParse(typeof item === "string" ? jumpFromText(item) : item);
    if (parsed.success) return [parsed.data];
    const path = Array.isArray(value) ? [index] : [];
    for (const issue of parsed.error.issues) {
      const wrong = typeof item === "string" && issue.path.length === 0 ? { code: "custom", message: "is not [user@]host[:port]" } : issue;
      context.issues.push({ ...wrong, path: [...path, ...issue.path], input: value } as z.core.$ZodRawIssue);
    }
    return [];
  });
});

/** `[user@]host[:port]` or `ssh://[user@]host[:port]` (ssh(1), option -J); what is neither stays text, which no schema takes. */
export function jumpFromText(text: string): { user?: string; host: string; port?: number } | string {
  const parts = /^(?:ssh:\/\/)?(?:(?<user>[^\s/]+)@)?(?:\[(?<six>[0-9a-fA-F:.%]+)\]|(?<host>[^\s:@/[\]]+))(?::(?<port>\d{1,5}))?\/?$/.exec(text.trim())?.groups;
  const host = parts?.["six"] ?? parts?.["host"];
  if (host === undefined) return text;
  const { user, port } = parts ?? {};
  return { ...(user === undefined ? {} : { user }), host, ...(port === undefined ? {} : { port: Number(port) }) };
}

/** The hops that a text as in `ssh -J` names; undefined where it names none that make sense. */
export function jumpsFromText(text: string): JumpHost[] | undefined {
  const parsed = proxyJump.safeParse(text);
  return parsed.success ? parsed.data : undefined;
}
