import fs from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { errorText, pxeError } from "../provider/errors";
import { cgroupMembers, removeCgroup } from "./cgroup";
import { mountsBelow } from "./paths";
import { bootId, identify, isRunning, run, signal, type ProcessIdentity } from "./process";
import { labFolder, listRecords, readRecord, stateOf, type LabItem, type LabRecord } from "./registry";

type Item<K extends LabItem["kind"]> = Extract<LabItem, { kind: K }>;

function itemsOf<K extends LabItem["kind"]>(record: LabRecord, kind: K): Item<K>[] {
  return record.items.filter((item): item is Item<K> => item.kind === kind).reverse();
}

function namespaceExists(name: string): boolean {
  return fs.existsSync(path.join("/run/netns", name));
}

/** All processes of a lab: those written down, and whatever else runs in its namespaces and control groups. */
async function processesOf(record: LabRecord): Promise<ProcessIdentity[]> {
  const numbers = new Set<number>();
  for (const { name } of itemsOf(record, "cgroup")) cgroupMembers(name).forEach((pid) => numbers.add(pid));
  for (const { name } of itemsOf(record, "netns")) {
    if (!namespaceExists(name)) continue;
    const { stdout } = await run("ip", ["netns", "pids", name], { allowFailure: true });
    stdout.split("\n").filter((line) => line !== "").forEach((line) => numbers.add(Number(line)));
  }
  numbers.delete(process.pid);
  const found = [...numbers].map(identify).filter((identity) => identity !== undefined);
  return [...itemsOf(record, "process").filter(isRunning), ...found];
}

async function endProcesses(record: LabRecord): Promise<void> {
  const end = Date.now() + 15_000;
  for (;;) {
    const left = await processesOf(record);
    if (left.length === 0) return;
    left.forEach((identity) => signal(identity, "SIGKILL"));
    if (Date.now() > end) {
      throw pxeError("PXE_LAB_FAILED", `processes of lab ${record.name} do not end: ${left.map(({ pid }) => pid).join(", ")}`);
    }
    await delay(20);
  }
}

async function unmount(point: string): Promise<void> {
  const { code } = await run("umount", [point], { allowFailure: true });
  // Somebody stands in the mount (a shell): detach it now, the kernel frees it when they leave.
  if (code !== 0) await run("umount", ["--lazy", point]);
}

/** What nspawn leaves under /run when it is killed: a propagation folder and the lock of the tree. */
async function removeContainerTraces(item: Item<"container">): Promise<void> {
  const base = "/run/systemd/nspawn";
  for (const kind of fs.existsSync(base) ? fs.readdirSync(base) : []) {
    const folder = path.join(base, kind, item.machine);
    if (!fs.existsSync(folder)) continue;
    for (const point of mountsBelow(folder)) await unmount(point);
    fs.rmSync(folder, { recursive: true, force: true });
  }
  if (!fs.existsSync(item.root)) return;
  const { dev, ino } = fs.statSync(item.root);
  fs.rmSync(path.join(base, "locks", `inode-${dev}:${ino}`), { force: true });
}

async function removeItem(item: LabItem): Promise<void> {
  switch (item.kind) {
    case "process":
      return;
    case "container":
      return removeContainerTraces(item);
    case "mount":
      for (const point of mountsBelow(item.path)) await unmount(point);
      return;
    case "folder":
      for (const point of mountsBelow(item.path)) await unmount(point);
      fs.rmSync(item.path, { recursive: true, force: true });
      return;
    case "link":
      if (fs.existsSync(path.join("/sys/class/net", item.name))) await run("ip", ["link", "delete", item.name]);
      return;
    case "netns":
      if (namespaceExists(item.name)) await run("ip", ["netns", "delete", item.name]);
      return;
    case "cgroup":
      // A group can be removed a moment after its last member ended.
      for (let attempt = 0; !removeCgroup(item.name); attempt++) {
        if (attempt >= 100) throw pxeError("PXE_LAB_FAILED", `control group ${item.name} stays busy`);
        await delay(20);
      }
      return;
  }
}

/** Takes some items of a lab down; everything is tried, and what failed is reported at the end. */
export async function removeItems(items: readonly LabItem[]): Promise<void> {
  const failures: unknown[] = [];
  for (const item of [...items].reverse()) {
    try {
      await removeItem(item);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) {
    throw pxeError("PXE_LAB_FAILED", `not all could be removed: ${failures.map(errorText).join("; ")}`, { cause: failures[0] });
  }
}

/**
 * Takes a lab down from its record alone, also while another process does the same. The record stays until all else is gone, so
 * that a removal that failed can be repeated. Throws PXE_LAB_FAILED with what is left.
 */
export async function removeLab(record: LabRecord): Promise<void> {
  if (record.bootId === bootId()) await endProcesses(record);
  await removeItems(record.items);
  const folder = labFolder(record.id);
  for (const point of mountsBelow(folder)) await unmount(point);
  for (const entry of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
    if (entry !== "lab.json") fs.rmSync(path.join(folder, entry), { recursive: true, force: true });
  }
  fs.rmSync(folder, { recursive: true, force: true });
}

/** Takes a lab down by its id; nothing happens when there is none. */
export async function removeLabById(id: string): Promise<void> {
  const record = readRecord(id);
  if (record !== undefined) await removeLab(record);
}

/** Takes down every lab whose owner is gone. Returns their names. */
export async function sweep(): Promise<string[]> {
  const orphans = listRecords().filter((record) => stateOf(record) === "orphaned");
  for (const record of orphans) await removeLab(record);
  return orphans.map(({ name }) => name);
}
