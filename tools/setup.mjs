/**
 * Set-up: finds, or fetches into a cache, all that this project needs. Plain JavaScript with Node's own modules, since it runs
 * before anything is installed, on any Node ≥ 18. A second run does nothing.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { dependenciesInstalled, installDependencies } from "./setup/dependencies.mjs";
import { findNode, withFolderFirst } from "./setup/node.mjs";
import { labPackages, testPackages } from "./setup/packages.mjs";
import { findPulumi, planPulumi } from "./setup/pulumi.mjs";
import { Missing, Report } from "./setup/report.mjs";
import { describeSystem, installPackages, missingPackages, planPackages } from "./setup/system.mjs";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * @param {{ lab?: boolean, test?: boolean, pulumi?: boolean }} wanted `lab`: what the lab needs (Linux, root); `test`: the
 * programs to test against; `pulumi: false`: no Pulumi CLI.
 * @param {{ report?: Report, system?: object, env?: NodeJS.ProcessEnv }} here the surroundings, for tests.
 * @returns {Promise<{ env: NodeJS.ProcessEnv, node: string, pulumi: string | undefined }>} `env`: with node, pulumi and its
 * plugin for dynamic resources on PATH.
 * @throws {SetupFailed} naming everything that is missing.
 */
export async function setup({ lab = false, test = false, pulumi: needsPulumi = true } = {}, here = {}) {
  const { report = new Report(), system = describeSystem(), env: outer = process.env } = here;
  const plans = await survey({ lab, test, needsPulumi }, { report, system, env: outer });
  if (report.failed) throw new SetupFailed(report.findings());

  if (plans.packages.length > 0) {
    await report.step(`apt packages ${plans.packages.join(" ")}`, () => installPackages(plans.packages));
  }
  const node = plans.node.path === undefined ? await report.step(plans.node.title, () => plans.node.fetch(report)) : plans.node;
  let env = node === undefined ? outer : withFolderFirst(outer, node.path);
  if (node !== undefined && !dependenciesInstalled(root)) {
    await report.step("dependencies, npm ci", () => installDependencies(root, env));
  }
  const pulumi = plans.pulumi?.fetch === undefined ? plans.pulumi : await report.step(plans.pulumi.title, () => plans.pulumi.fetch(report));
  if (report.failed) throw new SetupFailed(report.findings());

  // The plugin that runs dynamic resources starts `node` from PATH, so Node comes first and Pulumi's folder behind it.
  env = withFolderFirst(env, join(root, "node_modules", "@pulumi", "pulumi", "pulumi-resource-pulumi-nodejs"));
  if (pulumi !== undefined) env = withFolderFirst(env, pulumi.path);
  env = { ...withFolderFirst(env, node.path), PULUMI_SKIP_UPDATE_CHECK: "true" };
  report.done([`Node ${node.version}`, ...(pulumi === undefined ? [] : [`Pulumi ${pulumi.version}`]), ...(lab || test ? ["system packages"] : [])].join(", "));
  return { env, node: node.path, pulumi: pulumi?.path };
}

/** Looks at everything before anything is changed, so that all that can't be had is named at once. */
async function survey({ lab, test, needsPulumi }, { report, system, env }) {
  const plans = { packages: [] };
  const attempt = async (look) => {
    try {
      return await look();
    } catch (error) {
      report.missing(error);
      return undefined;
    }
  };
  if (lab && !(system.linux && system.root)) {
    report.missing(new Missing(`The lab needs root on Linux, and this is ${system.root ? "root" : "an ordinary user"} on ${system.title}`, "Run it as root on Linux, or with --local."));
  }
  const wanted = [...(lab ? labPackages : []), ...(test ? testPackages : [])];
  if (wanted.length > 0 && system.linux) {
    const { install, findings } = planPackages(await missingPackages(wanted, system), system);
    plans.packages = install;
    for (const finding of findings) report.missing(finding);
  }
  plans.node = await attempt(() => findNode());
  if (needsPulumi) {
    plans.pulumi = await attempt(async () => (await findPulumi(env)) ?? (await planPulumi(root, env)));
  }
  return plans;
}

/** Its message is the numbered list of what is missing. */
export class SetupFailed extends Error {
  expected = true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await setup({ lab: process.argv.includes("--lab"), test: process.argv.includes("--test") });
  } catch (error) {
    if (!(error instanceof SetupFailed)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
