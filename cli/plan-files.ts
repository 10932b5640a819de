import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { parsePlanRecord, planRecordName, type PlanRecord } from "../provider/model/plan-record";

/** A host of a plan, and the folder of its files. */
export interface Planned extends PlanRecord {
  readonly folder: string;
}

/** Every host that a plan was written for, by server and name. */
export function plannedIn(folder: string): Planned[] {
  const hosts = subfolders(folder).flatMap(subfolders).flatMap((at) => {
    const file = join(at, planRecordName);
    const record = existsSync(file) ? parsePlanRecord(readFileSync(file, "utf8")) : undefined;
    return record === undefined ? [] : [{ ...record, folder: at }];
  });
  const key = (host: Planned): string => `${host.server} ${host.host}`;
  return hosts.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function subfolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
}

/** Takes away what earlier plans wrote, and the folders that are empty then: hosts that are no longer declared would stay otherwise. */
export function clearPlan(folder: string): void {
  for (const host of plannedIn(folder)) {
    const files = host.files.map((file) => join(host.folder, file));
    for (const file of [...files, join(host.folder, planRecordName)]) rmSync(file, { force: true });
    const inner = new Set(files.map((file) => dirname(file)));
    for (const emptied of [...inner].sort().reverse()) removeIfEmpty(emptied);
    removeIfEmpty(host.folder);
    removeIfEmpty(dirname(host.folder));
  }
}

function removeIfEmpty(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
}
