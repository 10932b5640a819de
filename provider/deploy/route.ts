import { homedir } from "node:os";
import { pxeError } from "../errors";
import { jumpsFromText, type JumpHost } from "../model/jump";
import type { RemoteTarget } from "../model/target";
import { jumpCredentials, type JumpAddress, type SshConnectionAddress } from "./connection";
import { controlCredential, credentialsOf, type Configured, type Credential } from "./credentials";
import { knownHostsName } from "./host-keys";
import { jumpSecret } from "./jump-secrets";
import { systemUser } from "./layout";
import { expandHome } from "./paths";
import type { SshIdentity } from "./ssh";
import { lookUpHost, type HostConfig } from "./ssh-config";
import { localUser, type Asked } from "./ssh-match";

/** Who connects for a deployment, and through what: the target's own properties, then the operator's SSH configuration. */
export async function deployIdentity(target: RemoteTarget, allowFirst = false): Promise<SshIdentity> {
  const { host, port, user, hostKey, proxyJump } = target;
  const place = resolve({ host, user, defaultUser: "root" }, port);
  return {
    ...place.address,
    credentials: credentialsOf(target, process.env, "target", place.configured),
    hostKey,
    allowFirst,
    writtenAs: { host, port: port ?? 22 },
    ...(await through(host, proxyJump, place)),
  };
}

/** Who a control connection logs in as: the agent's own user with the control key; only the way there is the configuration's. */
export async function controlIdentity(connection: SshConnectionAddress, controlKey: string): Promise<SshIdentity> {
  const { host, port, portGiven, hostKey, proxyJump } = connection;
  const place = resolve({ host, user: systemUser, defaultUser: systemUser }, port === 22 && portGiven !== true ? undefined : port);
  return {
    ...place.address,
    credentials: [controlCredential(controlKey)],
    hostKey,
    writtenAs: { host, port },
    ...(await through(host, proxyJump, place)),
  };
}

interface Resolved {
  readonly address: Pick<SshIdentity, "host" | "port" | "user" | "knownAs" | "knownHostsFiles">;
  readonly configured: Configured;
  /** What ProxyJump says, not yet taken apart. */
  readonly jump: string | undefined;
}

const told = new Set<string>();

/** Tells a thing once in a process. */
function note(line: string): void {
  if (told.has(line)) return;
  told.add(line);
  console.warn(line);
}

function resolve(asked: Asked, givenPort: number | undefined): Resolved {
  const config = lookUpHost(asked, process.env, note);
  const host = config.hostName === undefined ? asked.host : replaceTokens(config.hostName, { h: asked.host });
  const port = givenPort ?? portOf(config.port, asked.host);
  const user = asked.user ?? config.user ?? asked.defaultUser;
  const tokens = { h: host, n: asked.host, p: String(port), r: user, u: localUser(), d: homedir(), k: config.hostKeyAlias ?? asked.host };
  const path = (text: string): string => expandHome(replaceVariables(replaceTokens(text, tokens), process.env));
  const files = config.userKnownHostsFile;
  if (config.proxyCommand !== undefined && config.proxyCommand !== "none" && config.proxyJump === undefined) {
    note(`the SSH configuration has a ProxyCommand for ${asked.host}, which is not run here: say it as ProxyJump`);
  }
  return {
    address: {
      host,
      port,
      user,
      knownAs: config.hostKeyAlias ?? knownHostsName(host, port),
      ...(files === undefined ? {} : { knownHostsFiles: files.filter((file) => file !== "none").map(path) }),
    },
    configured: configuredBy(config, path),
    jump: config.proxyJump === undefined || config.proxyJump === "none" ? undefined : replaceTokens(config.proxyJump, tokens),
  };
}

function configuredBy(config: HostConfig, path: (text: string) => string): Configured {
  return {
    identityFiles: config.identityFiles.filter((file) => file !== "none").map(path),
    identitiesOnly: config.identitiesOnly?.toLowerCase() === "yes",
    identityAgent: config.identityAgent === undefined ? undefined : path(config.identityAgent.replace(/^\$(\w+)$/, "$${$1}")),
  };
}

function portOf(text: string | undefined, host: string): number {
  if (text === undefined) return 22;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw pxeError("PXE_INPUT_INVALID", `the SSH configuration gives ${host} the port "${text}"`, { fix: "Correct the file, or set target.port." });
}

/** ssh_config(5), TOKENS. */
function replaceTokens(text: string, tokens: Readonly<Record<string, string>>): string {
  return text.replace(/%(.)/g, (written, name: string) => (name === "%" ? "%" : (tokens[name] ?? written)));
}

/** ssh_config(5), ENVIRONMENT VARIABLES. What isn't set stays as it is written, and is then found nowhere. */
function replaceVariables(text: string, env: NodeJS.ProcessEnv): string {
  return text.replace(/\$\{(\w+)\}/g, (written, name: string) => env[name] ?? written);
}

/** The bastion to go through, which itself may be reached through another. */
async function through(target: string, given: readonly (JumpHost | JumpAddress)[] | undefined, place: Resolved): Promise<{ via?: SshIdentity }> {
  const via = await chain(target, given ?? configuredJumps(place.jump, target), [target]);
  return via === undefined ? {} : { via };
}

function configuredJumps(text: string | undefined, host: string): readonly JumpHost[] {
  if (text === undefined) return [];
  const hops = jumpsFromText(text);
  if (hops === undefined) throw pxeError("PXE_INPUT_INVALID", `the SSH configuration gives ${host} the ProxyJump "${text}", which is not [user@]host[:port]`);
  return hops;
}

/** A ProxyJump with `%h` for all hosts gives each bastion another one. */
const wayLimit = 16;

/** @param seen the names on the way so far: a configuration that sends everything through a bastion sends the bastion there too */
async function chain(target: string, hops: readonly (JumpHost | JumpAddress)[], seen: readonly string[]): Promise<SshIdentity | undefined> {
  let via: SshIdentity | undefined;
  for (const [index, hop] of hops.entries()) {
    const { host, port, user } = hop;
    const place = resolve({ host, user, defaultUser: localUser() }, port);
    if (index === 0) {
      const names = [...seen, ...hops.map((other) => other.host)];
      const own = configuredJumps(place.jump, host);
      if (names.length > wayLimit) throw pxeError("PXE_INPUT_INVALID", `the SSH configuration leads to ${names[0] ?? target} through more than ${String(wayLimit)} bastions: ${names.slice(1, 5).join(", ")} …`, { fix: "Correct its ProxyJump, or set target.proxyJump." });
      if (!own.some((other) => names.includes(other.host))) via = await chain(host, own, names);
    }
    via = {
      ...place.address,
      ...(await wayIn(target, index, hop, place.configured)),
      hostKey: hop.hostKey,
      bastion: `proxyJump[${String(index)}]`,
      ...(via === undefined ? {} : { via }),
    };
  }
  return via;
}

/** A bastion's credentials; those that only the server knows are its, where it is part of the operation. */
async function wayIn(target: string, index: number, hop: JumpHost | JumpAddress, configured: Configured): Promise<{ credentials: Credential[]; advice?: string }> {
  const called = `target.proxyJump[${String(index)}]`;
  if (!("withheld" in hop)) return { credentials: credentialsOf(hop, process.env, called, configured) };
  const fromEnvironment = jumpCredentials(process.env);
  const secret = await jumpSecret({ target, index, host: hop.host }, fromEnvironment === undefined ? undefined : 0);
  if (secret !== undefined) return { credentials: credentialsOf({ ...hop, ...secret }, process.env, called, configured) };
  if (fromEnvironment !== undefined) return { credentials: credentialsOf(fromEnvironment, process.env, "PXE_SSH_PROXY_JUMP_*", configured) };
  const advice = `The key of the bastion ${hop.host} is known to its PxeServer alone, which is no part of this operation: name it as a target too, or set PXE_SSH_PROXY_JUMP_KEY_PATH (or PXE_SSH_PROXY_JUMP_PASSWORD, or an SSH agent).`;
  try {
    return { credentials: credentialsOf(hop, process.env, called, configured), advice };
  } catch (cause) {
    throw pxeError("PXE_AUTH_FAILED", `there is no credential for the bastion ${hop.host}`, { fix: advice, where: [{ document: "target", property: `proxyJump[${String(index)}]` }], cause });
  }
}
