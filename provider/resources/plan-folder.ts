import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { errorText, pxeError } from "../errors";
import { documentName } from "../model/documents";
import { isPlanPath, parsePlanRecord, planRecordName, planRecordText, type PlanRecord } from "../model/plan-record";

/** What is planned for one host. */
export interface PlannedHost {
  /** The server's name; its `self` (`PxeServer::rack1`) does as well. */
  readonly server: string;
  readonly host: string;
  /**
   * What it will be served, whole and with placeholders, whatever `renderedDetail` says: text by path, `dhcp` among them. Empty
   * where that can't be known yet.
   */
  readonly rendered: Readonly<Record<string, string>>;
  /** Whether the texts hold a secret that is no placeholder: their digests are written then. */
  readonly secret?: boolean | undefined;
  /**
   * What this very run orders, in the words of the input `arming`. Absent where the run orders nothing new: an `arming` that is
   * kept from `olds` does not belong here, since a reader takes the text for what is about to happen.
   */
  readonly arming?: string | undefined;
  /** The `rendered` of the last run, from `olds`, as text or as digests; absent for a host that was never declared. */
  readonly previous?: Readonly<Record<string, string>> | undefined;
}

/**
 * Writes what a host will be served to `PXE_PLAN_DIR/<server>/<host>/`, as files of the names that it is served by, for people and
 * programs that compare; does nothing where that isn't set. What an earlier run wrote for the host goes, and nothing else: a
 * file that no run wrote is never touched. Called by `check`: twice for a host in one run does no harm.
 * @throws PXE_PLAN_FOLDER where the folder can't be written, or holds something else by the name of a file
 */
export function writePlan(env: NodeJS.ProcessEnv, plan: PlannedHost): void {
  const base = env["PXE_PLAN_DIR"];
  if (base === undefined || base === "") return;
  const server = plan.server.replace(/^.*::/, "");
  for (const name of [server, plan.host]) {
    if (!documentName.safeParse(name).success) throw pxeError("PXE_INPUT_INVALID", `"${name}" is no name that a folder of a plan can have`);
  }
  const texts = new Map(Object.entries(plan.rendered).map(([path, text]) => [fileName(path), plan.secret === true ? withheld(text) : text]));
  const arming = plan.arming === undefined ? {} : { arming: plan.arming };
  const record: PlanRecord = { host: plan.host, server, change: changeOf(plan), ...arming, files: [...texts.keys()].sort() };
  try {
    replace(join(resolve(base), server, plan.host), record, texts);
  } catch (error) {
    const where = [{ document: `host/${plan.host}` }];
    throw pxeError("PXE_PLAN_FOLDER", `the plan can't be written: ${errorText(error)}`, { where, cause: error });
  }
}

function withheld(text: string): string {
  const digest = createHash("sha256").update(text).digest("hex");
  return `‹secret› sha256:${digest} ${String(Buffer.byteLength(text))} bytes: the template, its vars or kernelArgs are a secret\n`;
}

function fileName(path: string): string {
  const name = path === "dhcp" ? "dhcp.txt" : path;
  if (!isPlanPath(name)) throw pxeError("PXE_INPUT_INVALID", `"${path}" is no path that a file of a plan can have`);
  return name;
}

/** The record goes first: a run that is killed leaves no file that the next one doesn't know for its own. */
function replace(folder: string, record: PlanRecord, texts: ReadonlyMap<string, string>): void {
  const place = join(folder, planRecordName);
  const own = new Set(recordAt(place)?.files);
  const foreign = [...texts.keys()].find((path) => !own.has(path) && existsSync(join(folder, path)));
  if (foreign !== undefined) throw new Error(`${join(folder, foreign)} is there already, and no plan wrote it`);
  for (const path of own) if (!texts.has(path)) rmSync(join(folder, path), { force: true });
  const mode = 0o600;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(place, planRecordText(record), { mode });
  for (const [path, text] of texts) {
    mkdirSync(dirname(join(folder, path)), { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, path), text, { mode });
  }
}

function recordAt(file: string): PlanRecord | undefined {
  if (!existsSync(file)) return undefined;
  const record = parsePlanRecord(readFileSync(file, "utf8"));
  if (record === undefined) throw new Error(`${file} is there already, and no plan wrote it`);
  return record;
}

function changeOf({ rendered, previous }: PlannedHost): PlanRecord["change"] {
  const paths = Object.keys(rendered);
  if (paths.length === 0) return "unknown";
  if (previous === undefined) return "new";
  // Version 0.1.0 kept no DHCP answer.
  const compared = paths.filter((path) => path !== "dhcp" || path in previous);
  const same = compared.every((path) => isSame(rendered[path] ?? "", previous[path])) && Object.keys(previous).every((path) => path in rendered);
  return same ? "unchanged" : "changed";
}

/** Whether a text is the one that was kept, which may be its digest: `sha256:<hexadecimal digits> <n> bytes`, 32 of them at first. */
function isSame(text: string, kept: string | undefined): boolean {
  const digest = /^sha256:([0-9a-f]{16}|[0-9a-f]{32}) (\d+) bytes$/.exec(kept ?? "");
  if (digest === null) return text === kept;
  return createHash("sha256").update(text).digest("hex").startsWith(digest[1] ?? "") && Buffer.byteLength(text) === Number(digest[2]);
}
