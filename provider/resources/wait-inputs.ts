import * as z from "zod";
import { finding, pxeError, type Finding } from "../errors";
import { overriddenConnection, type Connection } from "../deploy/connection";
import { ownerName } from "../model/documents";
import { parseDuration } from "../model/duration";
import { nameOf, text, type Plain } from "./definition";
import type { Link } from "./connections";
import { placeOf } from "./place";
import { connectionSchema } from "./residence";
import { hasUnknown } from "./unknown";
import { validateKnown } from "./validate";

/** A server whose hosts are waited for. */
export interface WaitedServer extends Link {
  /** `PxeServer::rack1` */
  readonly server: string;
  readonly hosts: readonly string[];
}

/** `rack1` */
export function nameOfServer({ server }: WaitedServer): string {
  return server.slice(server.indexOf("::") + 2);
}

export interface Wait {
  readonly owner: string;
  readonly name: string;
  readonly servers: readonly WaitedServer[];
  readonly until: "installed" | "up";
  /** Milliseconds. */
  readonly timeout: number;
}

const servers = z.array(z.object({ server: z.string(), connection: connectionSchema, orders: z.record(z.string(), z.string()) })).min(1, { error: "names no host" });
const keys = z.array(z.string());
const inputs = z.object({ owner: ownerName, self: z.string().regex(/^\w+::./), servers, controlKeys: keys, until: z.enum(["installed", "up"]).optional() });
/** What any version left. */
const outputs = z.object({ owner: z.string(), name: z.string(), servers, controlKeys: keys, hostKeys: z.record(z.string(), z.string()).optional() });

const defaultTimeout = 2 * 3600;
/** setTimeout counts milliseconds in 31 bits. */
const longestTimeout = 14 * 24 * 3600;

/** Everything wrong with a wait's inputs, as far as they are known. */
export function waitFindings(values: Plain): Finding[] {
  const label = `wait/${nameOf(values)}`;
  const { findings, value } = validateKnown(inputs, values, label);
  const timeout = hasUnknown(values["timeout"]) ? undefined : timeoutFinding(values, label);
  const names = value?.servers.flatMap((item) => Object.keys(item.orders)) ?? [];
  const twice = [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
  return [
    ...findings, ...(timeout === undefined ? [] : [timeout]), ...(value?.until === "up" ? [neverUp(label)] : []),
    ...twice.map((name) => finding("PXE_DUPLICATE", `two of the hosts, on different servers, are called ${name}`, { where: [{ document: label, property: "hosts" }], fix: "Wait for them by two resources." })),
  ];
}

/** No answer file has the installed system report yet, so the agent has no way into that state: each such wait would hang until its timeout. */
function neverUp(document: string): Finding {
  return finding("PXE_INPUT_INVALID", 'until "up" can\'t be waited for yet: installed systems report nothing to this version', { where: [{ document, property: "until" }], fix: 'Wait for "installed".' });
}

function timeoutFinding(values: Plain, label: string): Finding | undefined {
  const raw = values["timeout"];
  const seconds = raw === undefined ? defaultTimeout : parseDuration(raw);
  const where = [{ document: label, property: "timeout" }];
  if (seconds === undefined || seconds === 0) return finding("PXE_INPUT_INVALID", 'timeout is neither seconds nor a duration like "2h" or "90m"', { where });
  return seconds > longestTimeout ? finding("PXE_INPUT_INVALID", "timeout is longer than two weeks", { where }) : undefined;
}

/** Inputs that check has accepted. */
export function waitOf(values: Plain, left: Plain | undefined): Wait {
  const parsed = inputs.safeParse(values);
  if (!parsed.success) throw pxeError("PXE_INTERNAL", `a wait arrived that was not checked: ${parsed.error.message}`);
  const { owner, until } = parsed.data;
  const timeout = (parseDuration(values["timeout"]) ?? defaultTimeout) * 1000;
  return { owner, name: nameOf(values), servers: joined(parsed.data, outputs.safeParse(left).data?.hostKeys ?? {}), until: until ?? "installed", timeout };
}

/** What the last operation waited for; undefined where nothing was recorded. PXE_SSH_* in the environment go before it. */
export function waitedFor(values: Plain): Omit<Wait, "until" | "timeout"> | undefined {
  const parsed = outputs.safeParse(values);
  if (!parsed.success) return undefined;
  const now = joined(parsed.data, parsed.data.hostKeys ?? {}).map((item) => ({ ...item, connection: overriddenConnection(item.connection, process.env) }));
  return { owner: text(values, "owner"), name: text(values, "name"), servers: now };
}

type Servers = z.output<typeof servers>;

/** @param hostKeys the SSH host keys recorded before, by place: they bind where a server says `trust-first` */
function joined(values: { readonly servers: Servers; readonly controlKeys: readonly string[] }, hostKeys: Readonly<Record<string, string>>): WaitedServer[] {
  return values.servers.map(({ server, connection: raw, orders }, index) => {
    const connection = raw as Connection;
    return { server, connection, controlKey: values.controlKeys[index] ?? "", recordedHostKey: hostKeys[placeOf(connection)], hosts: Object.keys(orders) };
  });
}

/** What `joined` takes again at the next operation. */
export function recordedHostKeys(servers: readonly WaitedServer[], keyOf: (server: WaitedServer) => string | undefined): Record<string, string> {
  return Object.fromEntries(servers.flatMap((server) => {
    const key = keyOf(server);
    return key === undefined ? [] : [[placeOf(server.connection), key] as const];
  }));
}
