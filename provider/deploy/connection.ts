import type { RemoteTarget, Target } from "../model/target";

/** How the resources other than PxeServer reach the agent: an address, and no credentials (the control key travels apart). */
export type Connection =
  | { readonly kind: "local" }
  | { readonly kind: "ssh"; readonly host: string; readonly port: number; readonly hostKey?: string };

/** What of a target its children may know. */
export function connectionOf(target: Target): Connection {
  if (target === "local") return { kind: "local" };
  return {
    kind: "ssh",
    host: target.host,
    port: target.port ?? 22,
    ...(target.hostKey === undefined ? {} : { hostKey: target.hostKey }),
  };
}

/** `root@10.77.0.1`, `root@10.77.0.1:2222` or `this machine`: how a target is called in messages. */
export function targetLabel(target: Target): string {
  if (target === "local") return "this machine";
  const port = target.port ?? 22;
  return `${target.user ?? "root"}@${target.host}${port === 22 ? "" : `:${String(port)}`}`;
}

/**
 * The target with what the environment says instead of the state: PXE_SSH_HOST, PXE_SSH_PORT, PXE_SSH_USER,
 * PXE_SSH_PRIVATE_KEY_PATH, PXE_SSH_PASSWORD, PXE_SSH_HOST_KEY. For read and delete, where the program is not asked, so that
 * changed credentials or a moved target never block a destroy. A given credential replaces all that are stored.
 */
export function overriddenTarget(target: Target, env: NodeJS.ProcessEnv): Target {
  if (target === "local") return target;
  const path = env["PXE_SSH_PRIVATE_KEY_PATH"];
  const password = env["PXE_SSH_PASSWORD"];
  const { privateKey, privateKeyPath, agent, password: storedPassword, ...place } = target;
  const stored = { privateKey, privateKeyPath, agent, password: storedPassword };
  const given = { privateKeyPath: path, password };
  const credentials = path === undefined && password === undefined ? stored : given;
  const port = env["PXE_SSH_PORT"];
  return defined({
    ...place,
    ...credentials,
    host: env["PXE_SSH_HOST"] ?? target.host,
    port: port === undefined ? target.port : Number(port),
    user: env["PXE_SSH_USER"] ?? target.user,
    hostKey: env["PXE_SSH_HOST_KEY"] ?? target.hostKey,
  });
}

/** The connection with the address that the environment says (see `overriddenTarget`). */
export function overriddenConnection(connection: Connection, env: NodeJS.ProcessEnv): Connection {
  if (connection.kind === "local") return connection;
  const port = env["PXE_SSH_PORT"];
  const hostKey = env["PXE_SSH_HOST_KEY"] ?? connection.hostKey;
  return {
    kind: "ssh",
    host: env["PXE_SSH_HOST"] ?? connection.host,
    port: port === undefined ? connection.port : Number(port),
    ...(hostKey === undefined ? {} : { hostKey }),
  };
}

function defined(target: { [K in keyof RemoteTarget]: RemoteTarget[K] | undefined } & { host: string }): RemoteTarget {
  return Object.fromEntries(Object.entries(target).filter(([, value]) => value !== undefined)) as unknown as RemoteTarget;
}
