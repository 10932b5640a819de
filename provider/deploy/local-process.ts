import { spawn } from "node:child_process";
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { finding, throwFindings, type Finding } from "../errors";
import type { AgentStatus } from "../model/control";
import type { ServerSpec } from "../model/documents";
import { localKoffi } from "./binaries";
import { waitHealthy, type DeathCheck } from "./health";
import { canTakeOver, refuseDowngrade } from "./install";
import { bundleId, nodeFlags } from "./layout";
import { processLimits } from "./local-limits";
import { readMark, type AgentMark } from "./local-mark";
import { localPaths, type LocalPaths } from "./local-paths";
import { askOnce, asked, endAgent, servingMark, succeeding, writeMark } from "./local-serving";
import { LocalShell } from "./local-shell";
import { observe } from "./observe";
import { agentBundle, localFile, type AgentBundle, type LocalFile } from "./payload";
import { portsOf, preflight } from "./preflight";
import { refuseForeign } from "./ownership";
import { endProcess, startedAt } from "./process-mark";
import { Changes, type DeployRequest, type Deployed, type Observed } from "./request";
import { lastLines } from "./text";

/** sockaddr_un holds 108 bytes with the closing NUL on Linux, 104 on macOS. */
const socketPathLimit = process.platform === "linux" ? 107 : 103;

/**
 * Has the agent run as a plain process of this machine and user.
 * @throws every finding of the preflight at once; PXE_OWNED_BY_OTHER, PXE_AGENT_NEWER, PXE_AGENT_DIED, PXE_TIMEOUT; `changedTarget`
 * tells whether anything was changed by then
 */
export function ensureProcess(request: DeployRequest): Promise<Deployed> {
  const changes = new Changes();
  return changes.watch(() => ensure(request, changes));
}

async function ensure(request: DeployRequest, changes: Changes): Promise<Deployed> {
  const paths = localPaths();
  const { mark } = await servingMark(paths);
  const limits = processLimits({ ...request.server, firewall: request.firewall }, "server");
  throwFindings([...socketPath(paths), ...limits, ...(await localPreflight(request.server, mark))]);
  const bundle = agentBundle(request.bundleFolder);
  refuseDowngrade(mark?.version, bundle, request, "this machine");
  if (mark !== undefined) await asked(paths, (client) => refuseForeign(client, request));
  const koffi = await localKoffi(request.progress);
  const installed = await install(paths, bundle, koffi, changes);
  const before = mark === undefined ? undefined : await askOnce(paths);
  const settled = !installed && mark?.bundle === bundle.sha256 && before?.bundle === bundle.sha256;
  if (!settled) {
    changes.begin();
    await handOver(paths, bundle, mark, before, request);
  }
  return {
    bundle: bundle.sha256,
    agentVersion: bundle.version,
    nodeVersion: process.versions.node,
    nodeSource: "target",
    hostKey: null,
    architecture: process.arch,
    init: "process",
  };
}

/** What is on this machine when its agent doesn't answer. */
export function observeProcess(): Observed {
  const paths = localPaths();
  const mark = readMark(paths);
  return { installed: existsSync(paths.bundles), running: false, bundle: null, version: mark?.version ?? null, status: null, edited: [] };
}

function socketPath(paths: LocalPaths): Finding[] {
  const length = Buffer.byteLength(paths.socket);
  if (length <= socketPathLimit) return [];
  return [
    finding("PXE_UNSUPPORTED_TARGET", `the path of the control socket has ${String(length)} bytes, ${String(socketPathLimit)} are possible: ${paths.socket}`, {
      where: [{ document: "target" }],
      fix: "Set XDG_STATE_HOME to a folder with a shorter path.",
    }),
  ];
}

async function localPreflight(server: ServerSpec, mark: AgentMark | undefined): Promise<Finding[]> {
  if (process.platform === "linux") {
    const observation = await observe(new LocalShell(), portsOf(server));
    const own = new Set(mark === undefined ? [] : [mark.pid]);
    return preflight(observation, server, { form: "process", label: "this machine", givenNode: false, own });
  }
  const there = Object.keys(networkInterfaces());
  return server.interfaces
    .filter((name) => !there.includes(name))
    .map((name) => finding("PXE_NO_INTERFACE", `there is no interface ${name}; there are ${there.sort().join(", ")}`, { where: [{ document: "server", property: "interfaces" }] }));
}

/** Copies what is missing or differs. Returns whether anything was. */
async function install(paths: LocalPaths, bundle: AgentBundle, koffi: LocalFile, changes: Changes): Promise<boolean> {
  const folder = join(paths.bundles, bundle.id);
  if (!existsSync(folder) || !existsSync(paths.data) || existsSync(paths.kept)) changes.begin();
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  mkdirSync(paths.data, { recursive: true, mode: 0o700 });
  rmSync(paths.kept, { force: true });
  let changed = false;
  for (const [file, name] of [[bundle, "pxe-agent.cjs"], [koffi, "koffi.node"]] as const) {
    const path = join(folder, name);
    if (existsSync(path) && (await localFile(path)).sha256 === file.sha256) continue;
    changes.begin();
    copyFileSync(file.path, `${path}.part`);
    renameSync(`${path}.part`, path);
    changed = true;
  }
  return changed;
}

async function handOver(paths: LocalPaths, bundle: AgentBundle, mark: AgentMark | undefined, before: AgentStatus | undefined, request: DeployRequest): Promise<void> {
  const mustServe = before?.ready === true && before.interfaces.length > 0;
  if (mark !== undefined && before?.bundle === mark.bundle && canTakeOver(before, mark.version, bundle)) {
    await takeOver(paths, bundle, mark, mustServe, request);
  } else {
    await restart(paths, bundle, mark, mustServe, request);
  }
  request.progress(`the agent ${bundle.version} (bundle ${bundle.id}) serves on this machine; its log is ${paths.log}`);
  const keep = [bundle.id, ...(mark === undefined ? [] : [bundleId(mark.bundle)])];
  for (const name of readdirSync(paths.bundles)) if (!keep.includes(name)) rmSync(join(paths.bundles, name), { recursive: true });
}

/** Starts the bundle beside the agent that serves, which goes on until the new one does, and after that with its transfers. */
async function takeOver(paths: LocalPaths, bundle: AgentBundle, mark: AgentMark, mustServe: boolean, request: DeployRequest): Promise<void> {
  writeFileSync(paths.takeOver, "", { mode: 0o600 });
  const started = await start(paths, bundle.sha256, bundle.version);
  try {
    await untilHealthy(paths, started, mustServe);
    writeMark(paths, succeeding(started.mark, mark));
  } catch (error) {
    await endProcess(started.mark);
    rmSync(paths.takeOver, { force: true });
    const after = await askOnce(paths);
    if (after?.bundle === mark.bundle) request.progress(`the previous agent (bundle ${bundleId(mark.bundle)}) was not stopped, and serves on`);
    else await startAgain(paths, mark, request);
    throw error;
  }
}

async function restart(paths: LocalPaths, bundle: AgentBundle, mark: AgentMark | undefined, mustServe: boolean, request: DeployRequest): Promise<void> {
  if (mark !== undefined) await endAgent(mark);
  try {
    await serve(paths, bundle.sha256, bundle.version, mustServe);
  } catch (error) {
    const failed = readMark(paths);
    if (failed !== undefined) await endProcess(failed);
    rmSync(paths.state, { force: true });
    if (mark !== undefined && mark.bundle !== bundle.sha256) await startAgain(paths, mark, request);
    throw error;
  }
}

async function startAgain(paths: LocalPaths, mark: AgentMark, request: DeployRequest): Promise<void> {
  await serve(paths, mark.bundle, mark.version, false).then(
    () => { request.progress(`the previous agent (bundle ${bundleId(mark.bundle)}) serves again`); },
    () => { request.progress(`the previous agent (bundle ${bundleId(mark.bundle)}) could not be started again`); },
  );
}

interface Started {
  readonly mark: AgentMark;
  /** The last lines of its log when it has ended; undefined while it runs. */
  readonly died: DeathCheck;
}

/** Starts a bundle and waits until it is healthy. */
async function serve(paths: LocalPaths, sha256: string, version: string, mustServe: boolean): Promise<void> {
  const started = await start(paths, sha256, version);
  writeMark(paths, started.mark);
  await untilHealthy(paths, started, mustServe);
}

async function untilHealthy(paths: LocalPaths, { mark, died }: Started, mustServe: boolean): Promise<void> {
  await asked(paths, (client) => waitHealthy(() => client.status(), died, { bundle: mark.bundle, mustServe }, "this machine"));
}

/** Starts a bundle in a session of its own. */
async function start(paths: LocalPaths, sha256: string, version: string): Promise<Started> {
  if (existsSync(paths.log) && statSync(paths.log).size > 10_000_000) renameSync(paths.log, `${paths.log}.1`);
  const offset = existsSync(paths.log) ? statSync(paths.log).size : 0;
  const log = openSync(paths.log, "a", 0o600);
  const program = join(paths.bundles, bundleId(sha256), "pxe-agent.cjs");
  const child = spawn(process.execPath, [...nodeFlags, program, "run", "--data", paths.data, "--socket", paths.socket], {
    detached: true,
    cwd: paths.data,
    stdio: ["ignore", log, log],
    env: { ...agentEnvironment(process.env), PXE_TAKE_OVER: paths.takeOver },
  });
  closeSync(log);
  const failure = new Promise<never>((_resolve, reject) => child.once("error", reject));
  child.unref();
  const pid = child.pid;
  if (pid === undefined) return failure;
  return {
    mark: { pid, startedAt: await startedAt(pid), bundle: sha256, version },
    died: () => Promise.resolve(child.exitCode === null && child.signalCode === null ? undefined : lastLines(readFileSync(paths.log, "utf8").slice(offset), 20)),
  };
}

/** The operator's environment may hold Pulumi's passphrase and tokens: the agent gets only what a process needs. */
function agentEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR"];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}
