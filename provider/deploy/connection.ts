import { pxeError } from "../errors";
import { jumpsFromText, type JumpHost } from "../model/jump";
import type { RemoteTarget, Target } from "../model/target";

/** A bastion as the resources other than PxeServer know it: no secret is in it. */
export interface JumpAddress {
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
  readonly privateKeyPath?: string;
  readonly agent?: boolean | string;
  readonly hostKey?: string;
  /** Its key or password is known to the PxeServer alone. */
  readonly withheld?: true;
}

/** How the resources other than PxeServer reach the agent: an address, and no credentials (the control key travels apart). */
export type Connection =
  | { readonly kind: "local" }
  | {
      readonly kind: "ssh";
      readonly host: string;
      readonly port: number;
      /** Set where the target itself says 22: else an alias of the SSH configuration may mean another port. */
      readonly portGiven?: true;
      readonly hostKey?: string;
      /** Absent: what the SSH configuration says. */
      readonly proxyJump?: readonly JumpAddress[];
    };

export type SshConnectionAddress = Connection & { readonly kind: "ssh" };

/** What of a target its children may know. */
export function connectionOf(target: Target): Connection {
  if (target === "local") return { kind: "local" };
  return {
    kind: "ssh",
    host: target.host,
    port: target.port ?? 22,
    ...(target.port === 22 ? { portGiven: true } : {}),
    ...(target.hostKey === undefined ? {} : { hostKey: target.hostKey }),
    ...(target.proxyJump === undefined ? {} : { proxyJump: target.proxyJump.map(addressOf) }),
  };
}

function addressOf({ privateKey, password, ...rest }: JumpHost): JumpAddress {
  const withheld = privateKey === undefined && password === undefined ? {} : { withheld: true as const };
  return defined<JumpAddress>({ ...rest, ...withheld });
}

/** `root@10.77.0.1`, `root@10.77.0.1:2222` or `this machine`: how a target is called in messages. */
export function targetLabel(target: Target): string {
  if (target === "local") return "this machine";
  const port = target.port ?? 22;
  return `${target.user ?? "root"}@${target.host}${port === 22 ? "" : `:${String(port)}`}`;
}

/**
 * The target with what the environment says instead of the state: PXE_SSH_HOST, PXE_SSH_PORT, PXE_SSH_USER,
 * PXE_SSH_PRIVATE_KEY_PATH, PXE_SSH_PASSWORD, PXE_SSH_HOST_KEY, and for the bastions PXE_SSH_PROXY_JUMP (as `ssh -J` takes it,
 * or `none`; host keys as known_hosts has them), PXE_SSH_PROXY_JUMP_KEY_PATH, PXE_SSH_PROXY_JUMP_PASSWORD (for all hops). For
 * read and delete, where the program is not asked, so that changed credentials or a moved target never block a destroy. A given
 * credential replaces all that are stored.
 */
export function overriddenTarget(target: Target, env: NodeJS.ProcessEnv): Target {
  if (target === "local") return target;
  const path = said(env, "PXE_SSH_PRIVATE_KEY_PATH");
  const password = said(env, "PXE_SSH_PASSWORD");
  const { privateKey, privateKeyPath, agent, password: storedPassword, ...place } = target;
  const stored = { privateKey, privateKeyPath, agent, password: storedPassword };
  const given = { privateKeyPath: path, password };
  const credentials = path === undefined && password === undefined ? stored : given;
  const hops = (jumpsFromEnvironment(env) ?? target.proxyJump)?.map((hop) => {
    const way = jumpCredentials(env);
    if (way === undefined) return hop;
    const { privateKey: _key, privateKeyPath: _path, agent: _agent, password: _password, ...rest } = hop;
    return { ...rest, ...way };
  });
  return defined<RemoteTarget>({
    ...place,
    ...credentials,
    host: said(env, "PXE_SSH_HOST") ?? target.host,
    port: saidPort(env) ?? target.port,
    user: said(env, "PXE_SSH_USER") ?? target.user,
    hostKey: said(env, "PXE_SSH_HOST_KEY") ?? target.hostKey,
    proxyJump: hops,
  });
}

/** The connection with the address and the bastions that the environment says (see `overriddenTarget`). */
export function overriddenConnection(connection: Connection, env: NodeJS.ProcessEnv): Connection {
  if (connection.kind === "local") return connection;
  const port = saidPort(env);
  const given = connection.portGiven === true || port === 22;
  return defined<SshConnectionAddress>({
    kind: "ssh",
    host: said(env, "PXE_SSH_HOST") ?? connection.host,
    port: port ?? connection.port,
    portGiven: given ? true : undefined,
    hostKey: said(env, "PXE_SSH_HOST_KEY") ?? connection.hostKey,
    proxyJump: jumpsFromEnvironment(env)?.map(addressOf) ?? connection.proxyJump,
  });
}

/** A variable that is set and not empty. */
function said(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const text = env[name];
  return text === "" ? undefined : text;
}

/** @throws PXE_INPUT_INVALID */
function saidPort(env: NodeJS.ProcessEnv): number | undefined {
  const text = said(env, "PXE_SSH_PORT");
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port > 0 && port < 65536) return port;
  throw pxeError("PXE_INPUT_INVALID", `PXE_SSH_PORT is "${text}", which is no port`, { fix: "Correct the variable, or unset it." });
}

function jumpsFromEnvironment(env: NodeJS.ProcessEnv): readonly JumpHost[] | undefined {
  const text = said(env, "PXE_SSH_PROXY_JUMP");
  if (text === undefined) return undefined;
  const hops = jumpsFromText(text);
  if (hops !== undefined) return hops;
  throw pxeError("PXE_INPUT_INVALID", `PXE_SSH_PROXY_JUMP is "${text}", which is neither [user@]host[:port], nor several of them with commas, nor none`);
}

/** The way into every bastion that the environment gives; undefined where it gives none. */
export function jumpCredentials(env: NodeJS.ProcessEnv): { privateKeyPath?: string; password?: string } | undefined {
  const given = { privateKeyPath: said(env, "PXE_SSH_PROXY_JUMP_KEY_PATH"), password: said(env, "PXE_SSH_PROXY_JUMP_PASSWORD") };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return Object.keys(set).length === 0 ? undefined : set;
}

/** The value without the properties that are undefined. */
function defined<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T;
}
