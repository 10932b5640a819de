import { Command } from "commander";
import { pxeError } from "../provider/errors";
import { hasRunningTarget, Lab, listRecords, removeLab, sshCommand, stateOf, type LabRecord, type LabState } from "../lab/index";

interface LabStatus {
  readonly name: string;
  readonly id: string;
  readonly state: LabState;
  readonly targetRunning: boolean;
  readonly createdAt: string;
  readonly owner: number;
  readonly segment: string;
  readonly namespace: string;
  readonly targets: readonly { readonly name: string; readonly host: string; readonly hostKey: string; readonly ssh: readonly string[]; readonly namespace: string }[];
}

function statusOf(record: LabRecord): LabStatus {
  return {
    name: record.name,
    id: record.id,
    state: stateOf(record),
    targetRunning: hasRunningTarget(record),
    createdAt: record.createdAt,
    owner: record.owner.pid,
    segment: record.segment,
    namespace: record.namespace,
    targets: record.targets.map((access) => ({
      name: access.name,
      host: access.host,
      hostKey: access.hostKeyFingerprint,
      ssh: sshCommand(access),
      namespace: access.namespace,
    })),
  };
}

const explained: Readonly<Record<LabState, string>> = {
  kept: "kept until `pxe lab down`",
  running: "in use by process",
  orphaned: "left behind by process",
};

function describe(status: LabStatus): string {
  const owner = status.state === "kept" ? "" : ` ${status.owner}`;
  const lines = [
    `lab ${status.name} (${status.id}): ${explained[status.state]}${owner}, since ${status.createdAt}`,
    `  segment    ${status.segment}: bridge br0 in namespace ${status.namespace} (ip netns exec ${status.namespace} …)`,
  ];
  for (const target of status.targets) {
    lines.push(
      `  target     ${target.name}${status.targetRunning ? "" : " (does not run)"}, on the segment in namespace ${target.namespace}`,
      `  log in     ${target.ssh.join(" ")}`,
      `  pin        target.host = ${target.host}, target.hostKey = ${target.hostKey}`,
    );
  }
  return lines.join("\n");
}

function print(json: boolean, value: unknown, text: string): void {
  process.stdout.write(`${json ? JSON.stringify(value, undefined, 2) : text}\n`);
}

async function up(options: { name: string; segment: string; json?: true }): Promise<void> {
  const json = options.json === true;
  const existing = listRecords().find((record) => record.name === options.name && stateOf(record) !== "orphaned");
  if (existing !== undefined) {
    if (!hasRunningTarget(existing)) {
      throw pxeError("PXE_LAB_FAILED", `lab ${options.name} is there, but its target does not run`, { fix: `Run \`pxe lab down --name ${options.name}\` first.` });
    }
    print(json, statusOf(existing), `${describe(statusOf(existing))}\nIt was up already.`);
    return;
  }
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const lab = await Lab.create({ name: options.name, segment: options.segment, progress });
  try {
    await lab.target();
  } catch (error) {
    await lab.down();
    throw error;
  }
  lab.keep();
  const record = listRecords().find(({ id }) => id === lab.id);
  if (record === undefined) throw pxeError("PXE_LAB_FAILED", `lab ${options.name} was removed while it was made`);
  print(json, statusOf(record), `${describe(statusOf(record))}\n  remove     pxe lab down --name ${options.name}`);
}

function status(options: { json?: true }): void {
  const all = listRecords().map(statusOf);
  print(options.json === true, all, all.length === 0 ? "no labs" : all.map(describe).join("\n"));
}

/** Which labs `down` means. A lab that a living process uses is only taken by its name, or with `--force`. */
function chosen(records: readonly LabRecord[], options: { all?: true; name?: string; force?: true }): LabRecord[] {
  if (options.name !== undefined) {
    const named = records.filter(({ name, id }) => name === options.name || id === options.name);
    if (named.length === 0) throw pxeError("PXE_NOT_FOUND", `there is no lab ${options.name}`, { fix: "`pxe lab status` lists them." });
    return named;
  }
  const free = records.filter((record) => options.force === true || stateOf(record) !== "running");
  if (options.all === true || free.length <= 1) return free;
  throw pxeError("PXE_INPUT_INVALID", `there are several labs: ${free.map(({ name }) => name).join(", ")}`, { fix: "Say --name NAME, or --all." });
}

async function down(options: { all?: true; name?: string; force?: true; json?: true }): Promise<void> {
  const records = listRecords();
  const removed = chosen(records, options);
  for (const record of removed) await removeLab(record);
  const left = records.filter((record) => !removed.includes(record) && stateOf(record) === "running");
  const lines = [
    ...removed.map(({ name, id }) => `removed lab ${name} (${id})`),
    ...left.map(({ name, owner }) => `left lab ${name} alone: process ${owner.pid} is using it (--force removes it all the same)`),
  ];
  const value = { removed: removed.map(({ id, name }) => ({ id, name })), left: left.map(({ id, name }) => ({ id, name })) };
  print(options.json === true, value, lines.length === 0 ? "no labs" : lines.join("\n"));
}

/** `pxe lab up|status|down`. */
export function labCommand(): Command {
  const lab = new Command("lab").description("Throw-away provisioning networks: a bridge, a target with systemd and sshd, virtual machines (Linux, root)");
  lab
    .command("up")
    .description("make a lab with a target, and keep it")
    .option("--name <name>", "name of the lab", "lab")
    .option("--segment <cidr>", "network of the provisioning segment", "10.77.0.0/24")
    .option("--json", "machine-readable output")
    .action(up);
  lab.command("status").description("list labs and how to reach them").option("--json", "machine-readable output").action(status);
  lab
    .command("down")
    .description("remove a lab, or all that are kept or left behind")
    .option("--name <name>", "name or id of the lab")
    .option("--all", "every lab that no living process uses")
    .option("--force", "also labs that a living process uses")
    .option("--json", "machine-readable output")
    .action(down);
  return lab;
}
