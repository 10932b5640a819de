import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { cacheFolder, fillFolder, withLock } from "./cache.mjs";
import { atLeast, capture, isExecutable, which } from "./commands.mjs";
import { buildPulumi, findGo } from "./pulumi-build.mjs";
import { downloadPulumi, downloadReachable } from "./pulumi-download.mjs";
import { goMinimum, pulumiPinned } from "./pinned.mjs";
import { Missing } from "./report.mjs";

const program = process.platform === "win32" ? "pulumi.exe" : "pulumi";
const languageHost = process.platform === "win32" ? "pulumi-language-nodejs.exe" : "pulumi-language-nodejs";

function cachedFolder(env) {
  return join(cacheFolder(env), `pulumi-${pulumiPinned.version}`);
}

/** Where a CLI may be, best first, each with the words for it. */
function candidates(env) {
  const home = env.PULUMI_HOME || join(homedir(), ".pulumi");
  const versions = list(join(home, "versions")).sort((a, b) => (atLeast(a, b) ? -1 : 1));
  const onPath = (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "").map((folder) => join(folder, program));
  return [...onPath, ...versions.map((version) => join(home, "versions", version, "bin", program)), join(home, "bin", program), join(cachedFolder(env), program)];
}

/**
 * Finds a Pulumi CLI ≥ 3.200 with its Node.js language host: `PXE_PULUMI`, PATH, Pulumi's own folder, the cache.
 * Returns `{ path, version }` or undefined; throws Missing when PXE_PULUMI names something that can't be used.
 */
export async function findPulumi(env) {
  if (env.PXE_PULUMI) {
    const { version, problem } = await examine(env.PXE_PULUMI, env);
    if (problem !== undefined) {
      throw new Missing(`PXE_PULUMI names ${env.PXE_PULUMI}, ${problem}`, "Correct PXE_PULUMI: the path of a Pulumi CLI.");
    }
    return { path: env.PXE_PULUMI, version };
  }
  for (const path of new Set(candidates(env))) {
    if (!isExecutable(path)) continue;
    const { version, problem } = await examine(path, env);
    if (problem === undefined) return { path, version };
  }
  return undefined;
}

async function examine(path, env) {
  if (!isExecutable(path)) return { problem: "which is not a program" };
  const host = isExecutable(join(dirname(path), languageHost)) || which("pulumi-language-nodejs", env.PATH) !== undefined;
  if (!host) return { problem: `which has no ${languageHost} beside it or on PATH` };
  const { code, out } = await capture(path, ["version"], { env: { ...env, PULUMI_SKIP_UPDATE_CHECK: "true" } });
  const version = out.replace(/^v/, "");
  if (code !== 0 || !/^\d+\.\d+\.\d+/.test(version)) return { problem: "which doesn't tell its version" };
  if (!atLeast(version, pulumiPinned.minimum)) return { problem: `which is ${version}; ${pulumiPinned.minimum} or later is needed` };
  return { version };
}

/**
 * How a CLI that wasn't found can be got: the official download, else a build from Go modules. Returns the title and the work;
 * throws Missing where neither is possible.
 */
export async function planPulumi(root, env) {
  const { version } = pulumiPinned;
  const unreachable = await downloadReachable();
  const go = await findGo(env);
  const into = (title, fill) => ({ title, fetch: (report) => fetchInto(report, fill, env) });
  const build = (folder) => buildPulumi(root, folder, go.path, env);
  if (unreachable === undefined) {
    return into(`Pulumi CLI ${version}, official download`, async (folder, report) => {
      try {
        await downloadPulumi(folder);
      } catch (error) {
        if (go.path === undefined) throw new Missing(`The Pulumi CLI could not be downloaded: ${error.message}`, neither(go));
        report.note(`the download failed (${error.message}); building the Pulumi CLI from Go modules, about 6 minutes on 2 cores`);
        await build(folder);
      }
    });
  }
  if (go.path === undefined) throw new Missing(`No Pulumi CLI ≥ ${pulumiPinned.minimum} was found, and its site can't be reached (${unreachable})`, neither(go));
  return into(`Pulumi CLI ${version}, built from Go modules as its site can't be reached (about 6 minutes on 2 cores)`, build);
}

function neither(go) {
  return `Install the Pulumi CLI, or name it in PXE_PULUMI, or install Go ≥ ${goMinimum} so that it can be built (${go.problem}).`;
}

async function fetchInto(report, fill, env) {
  const path = join(cachedFolder(env), program);
  await withLock(
    "pulumi",
    async () => {
      if (!isExecutable(path)) await fillFolder(cachedFolder(env), (folder) => fill(folder, report));
    },
    { onWait: () => report.note("another set-up is getting the Pulumi CLI: waiting for it") },
  );
  const { version, problem } = await examine(path, env);
  if (problem !== undefined) throw new Missing(`The Pulumi CLI was fetched as ${path}, ${problem}`, "Delete that folder, and try again.");
  return { path, version };
}

function list(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
