import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import * as z from "zod";
import { errorText, pxeError } from "../errors";
import { documentName } from "../model/documents";

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
  /**
   * What this very run orders, in the words of the input `arming`. Absent where the run orders nothing new: an `arming` that is kept
   * from `olds` does not belong here, since a reader takes the text for what is about to happen.
   */
  readonly arming?: string | undefined;
  /** The `rendered` of the last run, from `olds`, as text or as digests; absent for a host that was never declared. */
  readonly previous?: Readonly<Record<string, string>> | undefined;
}

/** How what is served differs from the last run. */
export const planChanges = ["new", "changed", "unchanged", "unknown"] as const;

/** `plan.json` beside each host's files. It only grows: scripts read it. */
export const planRecord = z.object({
  host: z.string(),
  server: z.string(),
  change: z.enum(planChanges),
  arming: z.string().optional(),
  /** Paths of the files beside it. */
  files: z.array(z.string()),
});
export type PlanRecord = z.output<typeof planRecord>;

export const planRecordName = "plan.json";

/** A key of `rendered`: names with slashes between them. */
const segment = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

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
  const folder = join(resolve(base), server, plan.host);
  const texts = new Map(Object.entries(plan.rendered).map(([path, text]) => [fileName(path), text]));
  const record: PlanRecord = {
    host: plan.host, server, change: changeOf(plan), ...(plan.arming === undefined ? {} : { arming: plan.arming }), files: [...texts.keys()].sort(),
  };
  try {
    replace(folder, record, texts);
  } catch (error) {
    throw pxeError("PXE_PLAN_FOLDER", `the plan of host/${plan.host} can't be written: ${errorText(error)}`, { cause: error });
  }
}

/** The list of files is written first: a run that is killed leaves none that the next one doesn't know for its own. */
function replace(folder: string, record: PlanRecord, texts: ReadonlyMap<string, string>): void {
  const place = join(folder, planRecordName);
  const own = new Set(readPlan(place)?.files);
  const foreign = [...texts.keys()].find((path) => !own.has(path) && existsSync(join(folder, path)));
  if (foreign !== undefined) throw new Error(`${join(folder, foreign)} is there already, and no plan wrote it`);
  for (const path of own) if (!texts.has(path)) rmSync(join(folder, path), { force: true });
  const mine = { mode: 0o600 };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(place, `${JSON.stringify(record, undefined, 2)}\n`, mine);
  for (const [path, text] of texts) {
    mkdirSync(dirname(join(folder, path)), { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, path), text, mine);
  }
}

/** The record of an earlier run; undefined where there is none. A file of that name that is something else is an error. */
export function readPlan(file: string): PlanRecord | undefined {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const record = planRecord.safeParse(parsed(content));
  if (!record.success || record.data.files.some((path) => !isSafe(path))) throw new Error(`${file} is no plan that this program wrote`);
  return record.data;
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

function isSafe(path: string): boolean {
  return path !== planRecordName && path.split("/").every((part) => segment.test(part));
}

function fileName(path: string): string {
  const name = path === "dhcp" ? "dhcp.txt" : path;
  if (!isSafe(name)) throw pxeError("PXE_INPUT_INVALID", `"${path}" is no path that a file of a plan can have`);
  return name;
}

function changeOf({ rendered, previous }: PlannedHost): PlanRecord["change"] {
  const paths = Object.keys(rendered);
  if (paths.length === 0) return "unknown";
  if (previous === undefined) return "new";
  // An older version kept no DHCP answer.
  const compared = paths.filter((path) => path !== "dhcp" || path in previous);
  const same = compared.every((path) => isSame(rendered[path] ?? "", previous[path])) && Object.keys(previous).every((path) => path in rendered);
  return same ? "unchanged" : "changed";
}

/** Whether a text is the one that was kept, which may be its digest: `sha256:<32 hexadecimal digits> <n> bytes`. */
function isSame(text: string, kept: string | undefined): boolean {
  const digest = /^sha256:([0-9a-f]{32}) (\d+) bytes$/.exec(kept ?? "");
  if (digest === null) return text === kept;
  return createHash("sha256").update(text).digest("hex").startsWith(digest[1] ?? "") && Buffer.byteLength(text) === Number(digest[2]);
}
