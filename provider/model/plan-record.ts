import * as z from "zod";
import { documentName } from "./documents";

/** How what a host is served differs from the last run. */
export const planChanges = ["new", "changed", "unchanged", "unknown"] as const;

/** The file beside a planned host's files. */
export const planRecordName = "plan.json";

/** Names with slashes between them; none begins with a dot. */
export function isPlanPath(path: string): boolean {
  return path !== planRecordName && path.split("/").every((part) => /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(part));
}

/** What is planned for one host. It only grows: scripts read it. */
const planRecord = z.object({
  host: documentName,
  server: documentName,
  change: z.enum(planChanges),
  /** What this very run orders, for a person; absent where it orders nothing. */
  arming: z.string().optional(),
  /** Paths of the files beside it. */
  files: z.array(z.string().refine(isPlanPath)),
});
export type PlanRecord = z.output<typeof planRecord>;

export function planRecordText(record: PlanRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

/** Undefined for text that is something else. */
export function parsePlanRecord(text: string): PlanRecord | undefined {
  try {
    return planRecord.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
