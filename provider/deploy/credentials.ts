import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import ssh2, { type AgentAuthMethod, type AnyAuthMethod } from "ssh2";
import { pxeError } from "../errors";
import { fingerprint, parsePrivateKey } from "./keys";
import { expandHome } from "./paths";

/** One way to prove who one is; `called` says which, for messages, and holds no secret. */
export type Credential =
  | { readonly kind: "key"; readonly privateKey: string; readonly called: string }
  | {
      readonly kind: "agent";
      readonly socket: string;
      /** The public keys, base64, that it may offer; default: all that it holds. */
      readonly only?: readonly string[];
      readonly called: string;
    }
  | { readonly kind: "password"; readonly password: string; readonly called: string };

/** The credentials that a target or a bastion names. */
export interface Given {
  readonly privateKey?: string | undefined;
  readonly privateKeyPath?: string | undefined;
  readonly agent?: boolean | string | undefined;
  readonly password?: string | undefined;
}

/** What the SSH configuration says about credentials. */
export interface Configured {
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** The agent's socket, `none`; undefined: SSH_AUTH_SOCK. */
  readonly identityAgent?: string | undefined;
}

/** What IdentityAgent calls the socket that the environment names. */
const environmentAgent = "SSH_AUTH_SOCK";
const defaultKeyFiles = ["id_ed25519", "id_ecdsa", "id_rsa"];

/**
 * The credentials to try, in order: those given; where there are none, those of the SSH configuration; else the SSH agent and the
 * user's usual key files.
 * @param called what they belong to: `target`, `target.proxyJump[0]`
 * @throws PXE_AUTH_FAILED when a key file that was named can't be read or there is nothing to try
 */
export function credentialsOf(given: Given, env: NodeJS.ProcessEnv, called = "target", configured: Configured = { identityFiles: [], identitiesOnly: false }): Credential[] {
  const named: Credential[] = [];
  if (given.privateKey !== undefined) named.push(keyCredential(given.privateKey, `${called}.privateKey`));
  if (given.privateKeyPath !== undefined) named.push(keyFile(expandHome(given.privateKeyPath)));
  const agentSocket = given.agent === true ? env["SSH_AUTH_SOCK"] : given.agent;
  if (typeof agentSocket === "string") named.push(agentAt(agentSocket));
  else if (given.agent === true) throw pxeError("PXE_AUTH_FAILED", `${called}.agent is set, but SSH_AUTH_SOCK is not`);
  if (given.password !== undefined) named.push({ kind: "password", password: given.password, called: `${called}.password` });
  if (named.length > 0) return named;

  const usual = given.agent === false ? configuredKeys({ ...configured, identityAgent: "none" }, env) : configuredKeys(configured, env);
  if (usual.length > 0) return usual;
  throw pxeError("PXE_AUTH_FAILED", `${called} names no credential, and there is neither an SSH agent nor a key in ~/.ssh`, {
    fix: `Set ${called}.privateKey, privateKeyPath, agent or password.`,
    where: [{ document: "target" }],
  });
}

/** As ssh does it: the files of the configuration or the usual ones, and the agent. */
function configuredKeys({ identityFiles, identitiesOnly, identityAgent = environmentAgent }: Configured, env: NodeJS.ProcessEnv): Credential[] {
  const files = identityFiles.length > 0 ? identityFiles : defaultKeyFiles.map((name) => join(homedir(), ".ssh", name));
  // A key with a passphrase is no error: the target didn't name it, and the agent may well hold it.
  const keys = files.filter((path) => existsSync(path) && isPlainKey(path)).map(keyFile);
  const socket = identityAgent === environmentAgent ? env["SSH_AUTH_SOCK"] : identityAgent;
  if (socket === undefined || socket === "" || socket === "none") return keys;
  const agent = identitiesOnly ? agentAt(expandHome(socket), files.flatMap(publicKeyBeside)) : agentAt(expandHome(socket));
  // sshd counts each key that an agent offers (MaxAuthTries): those that were named go first.
  return identityFiles.length > 0 ? [...keys, agent] : [agent, ...keys];
}

function agentAt(socket: string, only?: readonly string[]): Credential {
  return { kind: "agent", socket, ...(only === undefined ? {} : { only }), called: `the SSH agent at ${socket}` };
}

/** The public half of a key, as `ssh-keygen` puts it beside; an identity may also be a public key itself. */
function publicKeyBeside(path: string): string[] {
  for (const file of [`${path}.pub`, path]) {
    try {
      const blob = /^(?:ssh|ecdsa|sk)-\S+ (?<blob>[A-Za-z0-9+/=]+)/.exec(readFileSync(file, "utf8"))?.groups?.["blob"];
      if (blob !== undefined) return [blob];
    } catch {
      // The next one may be there.
    }
  }
  return [];
}

/** The single credential of a control connection. */
export function controlCredential(controlKey: string): Credential {
  return keyCredential(controlKey, "the control key");
}

function keyCredential(privateKey: string, called: string): Credential {
  const parsed = parsePrivateKey(privateKey, called);
  return { kind: "key", privateKey, called: `${called} (${parsed.type} ${fingerprint(parsed.getPublicSSH())})` };
}

function keyFile(path: string): Credential {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw pxeError("PXE_AUTH_FAILED", `the private key ${path} can't be read: ${(cause as Error).message}`, { cause });
  }
  return keyCredential(text, path);
}

function isPlainKey(path: string): boolean {
  try {
    keyFile(path);
    return true;
  } catch {
    return false;
  }
}

/** An agent that keeps to some of its keys. */
class ChosenKeys extends ssh2.OpenSSHAgent {
  readonly #only: readonly string[];

  constructor(socket: string, only: readonly string[]) {
    super(socket);
    this.#only = only;
  }

  override getIdentities(callback: ssh2.IdentityCallback<ssh2.ParsedKey>): void {
    super.getIdentities((error, keys) => {
      callback(error, keys?.filter((key) => "getPublicSSH" in key && this.#only.includes(key.getPublicSSH().toString("base64"))));
    });
  }
}

/** The credential as ssh2 wants it; a password is also what servers ask for by keyboard-interactive. */
export function authMethods(credential: Credential, username: string): AnyAuthMethod[] {
  switch (credential.kind) {
    case "key":
      return [{ type: "publickey", username, key: parsePrivateKey(credential.privateKey, credential.called) }];
    case "agent":
      return [{ type: "agent", username, agent: credential.only === undefined ? credential.socket : new ChosenKeys(credential.socket, credential.only) } satisfies AgentAuthMethod];
    case "password":
      return [
        { type: "password", username, password: credential.password },
        {
          type: "keyboard-interactive",
          username,
          prompt: (_name, _instructions, _language, prompts, finish) => {
            finish(prompts.map(() => credential.password));
          },
        },
      ];
  }
}
