import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { pxeError } from "../provider/errors";
import { clearPlan, plannedIn, type Planned } from "./plan-files";

interface Options {
  readonly out?: string;
  readonly json?: true;
}

/** Ends with the preview's own exit status. */
async function plan(previewArguments: readonly string[], options: Options): Promise<void> {
  const json = options.json === true;
  const folder = options.out === undefined ? mkdtempSync(join(tmpdir(), "pxe-plan-")) : resolve(options.out);
  clearPlan(folder);
  const status = await preview(previewArguments, folder, json);
  const hosts = plannedIn(folder);
  const failed = status === 0 ? "" : `The preview failed (exit status ${String(status)}); this is how far it came:\n`;
  const text = json ? JSON.stringify({ status, folder, hosts }, undefined, 2) : `\n${failed}${planSummary(hosts, folder)}`;
  process.stdout.write(`${text}\n`);
  process.exitCode = status;
}

/** Runs the preview on this terminal; machine-readable output has standard output to itself. */
async function preview(more: readonly string[], folder: string, json: boolean): Promise<number> {
  const { PXE_PULUMI: named } = process.env;
  const pulumi = named === undefined || named === "" ? "pulumi" : named;
  const env = { ...process.env, PXE_PLAN_DIR: folder };
  const child = spawn(pulumi, ["preview", "--diff", ...more], { env, stdio: ["inherit", json ? process.stderr.fd : "inherit", "inherit"] });
  // Ctrl-C reaches Pulumi by itself, which ends the preview; what it came to is shown.
  const wait = (): void => undefined;
  const end = (): void => void child.kill("SIGTERM");
  process.on("SIGINT", wait).on("SIGTERM", end);
  try {
    const [code, signal] = await once(child, "exit") as [number | null, NodeJS.Signals | null];
    return code ?? (signal === "SIGINT" ? 130 : 1);
  } catch (error) {
    throw pxeError("PXE_TOOL_MISSING", `${pulumi} can't be run`, { fix: "Install the Pulumi CLI, or name it in PXE_PULUMI.", cause: error });
  } finally {
    process.off("SIGINT", wait).off("SIGTERM", end);
  }
}

const withoutArming: Readonly<Record<Planned["change"], string>> = {
  new: "no installation: it is newly declared",
  changed: "no installation: it is served other files from now on",
  unknown: "no installation; what it is served is known after apply",
  unchanged: "",
};

/** Also where that hangs on something that is known only after apply. */
function isInstalled({ arming }: Planned): boolean {
  return arming !== undefined && /^(WILL|MAY) INSTALL/.test(arming);
}

/** What the plan means for the machines: a line for each that something happens to, those that are installed first. */
export function planSummary(hosts: readonly Planned[], folder: string): string {
  if (hosts.length === 0) return "The plan has no hosts.";
  const several = new Set(hosts.map(({ server }) => server)).size > 1;
  const called = (host: Planned): string => (several ? `${host.server}/${host.host}` : host.host);
  const told = hosts.filter((host) => host.arming !== undefined || host.change !== "unchanged");
  const ordered = [...told.filter(isInstalled), ...told.filter((host) => !isInstalled(host))];
  const width = Math.max(0, ...ordered.map((host) => called(host).length));
  const unchanged = hosts.length - told.length;
  const installed = hosts.filter(isInstalled).length;
  return [
    ...ordered.map((host) => `${called(host).padEnd(width)}  ${host.arming ?? withoutArming[host.change]}`),
    ...(unchanged === 0 ? [] : [`${count(unchanged)}: no installation, the same files`]),
    "",
    installed === 0 ? "This plan installs nothing." : `This plan installs ${count(installed)}.`,
    `The files as they would be served: ${join(folder, several ? "SERVER" : hosts[0]?.server ?? "", "HOST")}`,
  ].join("\n");
}

function count(hosts: number): string {
  return hosts === 1 ? "1 host" : `${String(hosts)} hosts`;
}

/** `pxe plan`. */
export function planCommand(): Command {
  return new Command("plan")
    .description("What an update would do to the machines: `pulumi preview --diff`, then a line for each host, and its files as they would be served")
    .argument("[arguments...]", "passed on to `pulumi preview`")
    .option("--out <folder>", "write the files there; files of an earlier plan are replaced")
    .option("--json", "machine-readable output; Pulumi's own goes to standard error")
    .allowUnknownOption()
    .action(plan);
}
