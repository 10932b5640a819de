import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { AgentAuthMethod, AnyAuthMethod } from "ssh2";
import { pxeError } from "../errors";
import type { RemoteTarget } from "../model/target";
import { fingerprint, parsePrivateKey } from "./keys";

/** One way to prove who one is; `called` says which, for messages, and holds no secret. */
export type Credential =
  | { readonly kind: "key"; readonly privateKey: string; readonly called: string }
  | { readonly kind: "agent"; readonly socket: string; readonly called: string }
  | { readonly kind: "password"; readonly password: string; readonly called: string };

const defaultKeyFiles = ["id_ed25519", "id_ecdsa", "id_rsa"];

/**
 * The credentials to try, in order: those of the target; where it names none, the SSH agent and the user's usual key files.
 * @throws PXE_AUTH_FAILED when a key file can't be read or there is nothing to try
 */
export function credentialsOf(target: RemoteTarget, env: NodeJS.ProcessEnv): Credential[] {
  const given: Credential[] = [];
  if (target.privateKey !== undefined) given.push(keyCredential(target.privateKey, "target.privateKey"));
  if (target.privateKeyPath !== undefined) given.push(keyFile(expandHome(target.privateKeyPath)));
  const agentSocket = target.agent === true ? env["SSH_AUTH_SOCK"] : target.agent;
  if (typeof agentSocket === "string") given.push({ kind: "agent", socket: agentSocket, called: `the SSH agent at ${agentSocket}` });
  else if (target.agent === true) throw pxeError("PXE_AUTH_FAILED", "target.agent is set, but SSH_AUTH_SOCK is not");
  if (target.password !== undefined) given.push({ kind: "password", password: target.password, called: "target.password" });
  if (given.length > 0) return given;

  const usual: Credential[] = [];
  const socket = env["SSH_AUTH_SOCK"];
  if (target.agent !== false && socket !== undefined && socket !== "") {
    usual.push({ kind: "agent", socket, called: `the SSH agent at ${socket}` });
  }
  for (const path of defaultKeyFiles.map((name) => join(homedir(), ".ssh", name))) {
    // A usual key with a passphrase is no error: the user didn't name it, and the agent may well hold it.
    if (existsSync(path) && isPlainKey(path)) usual.push(keyFile(path));
  }
  if (usual.length > 0) return usual;
  throw pxeError("PXE_AUTH_FAILED", "the target names no credential, and there is neither an SSH agent nor a key in ~/.ssh", {
    fix: "Set target.privateKey, privateKeyPath, agent or password.",
    where: [{ document: "target" }],
  });
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

function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
}

/** The credential as ssh2 wants it; a password is also what servers ask for by keyboard-interactive. */
export function authMethods(credential: Credential, username: string): AnyAuthMethod[] {
  switch (credential.kind) {
    case "key":
      return [{ type: "publickey", username, key: parsePrivateKey(credential.privateKey, credential.called) }];
    case "agent":
      return [{ type: "agent", username, agent: credential.socket } satisfies AgentAuthMethod];
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
