import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, readdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openStore, type OpenStore } from "../../provider/agent/store/open";
import type { StoreWrite } from "../../provider/agent/store/port";
import type { InstallFacts } from "../../provider/engine/facts";
import type { Lease } from "../../provider/engine/leases";
import { formatIpv4, ipv4 } from "../../provider/model/ip";
import { hostDocument, owner, profileDocument, subnetDocument } from "./documents";

export const now = 1_790_000_000_000;
export const page = 4096;

export function leaseOf(index: number): Lease {
  const mac = `52:54:00:aa:${(index >> 8).toString(16).padStart(2, "0")}:${(index & 255).toString(16).padStart(2, "0")}`;
  return { address: formatIpv4(ipv4("10.77.8.0") + index), mac, clientId: null, owner, subnet: "provisioning", state: "active", expiresAt: now + 3_600_000 };
}

export function factsOf(name: string, state: InstallFacts["state"]): InstallFacts {
  return {
    id: `id-${name}`, owner, name, macs: ["52:54:00:12:34:56"], uuids: [], state, since: now - 1000, reason: "test", token: state === "armed" ? "secret" : null,
    armedUntil: null, installedAt: null, consumed: ["1"], sshHostKeys: [],
  };
}

/** Has a folder's agent hold documents, records and leases, and end as its process is killed or as it stops. */
export async function fill(data: string, leases = 600): Promise<void> {
  const opened = openStore(data, now);
  const documents = [subnetDocument(), profileDocument(), hostDocument(), hostDocument({ macs: ["52:54:00:12:34:99"], ip: "10.77.0.12" }, "db2")];
  const writes: StoreWrite[] = [
    ...documents.map((document, index): StoreWrite => ({ type: "document.put", document: { ...document, rev: index + 1 } })),
    { type: "facts.put", facts: factsOf("db1", "armed") }, { type: "facts.put", facts: factsOf("db2", "installed") },
    { type: "revision", from: 0, to: 4 },
    ...Array.from({ length: leases }, (_, index): StoreWrite => ({ type: "lease.put", lease: leaseOf(index) })),
  ];
  assert.equal(await opened.store.commit(writes), "ok");
  await opened.close();
}

export function asideOf(data: string): string[] {
  return readdirSync(data).filter((name) => name.includes("corrupt"));
}

export const states = (opened: OpenStore): Record<string, string> => Object.fromEntries(opened.snapshot.facts.map((facts) => [facts.name, facts.state]));

/** Runs SQL in one of a folder's files, as somebody else would. */
export function edit(data: string, file: "agent.db" | "documents.db", sql: string): void {
  const db = new DatabaseSync(join(data, file));
  try {
    db.exec(sql);
  } finally {
    db.close();
  }
}

/** What a query of one value gives. */
export function ask(data: string, file: "agent.db" | "documents.db", sql: string): unknown {
  const db = new DatabaseSync(join(data, file), { readOnly: true });
  try {
    return Object.values(db.prepare(sql).get() ?? {})[0];
  } finally {
    db.close();
  }
}

/** Which pages a table's rows are on (sqlite.org/fileformat2.html, 1.6). */
export function pagesOf(data: string, table: string, file: "agent.db" | "documents.db" = "agent.db"): number[] {
  const root = Number(ask(data, file, `SELECT rootpage FROM sqlite_schema WHERE name = '${table}'`));
  return leavesBelow(readFileSync(join(data, file)), root);
}

function leavesBelow(bytes: Buffer, number: number): number[] {
  const start = (number - 1) * page;
  // 2: an inner page, whose children its cells name.
  if (bytes[start] !== 2) return [number];
  const children = Array.from({ length: bytes.readUInt16BE(start + 3) }, (_, index) => bytes.readUInt32BE(start + bytes.readUInt16BE(start + 12 + 2 * index)));
  return [...children, bytes.readUInt32BE(start + 8)].flatMap((child) => leavesBelow(bytes, child));
}

/** Writes garbage over a page. */
export function ruin(data: string, number: number, file: "agent.db" | "documents.db" = "agent.db"): void {
  overwrite(join(data, file), (number - 1) * page, Buffer.alloc(page, 0xff));
}

export function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const fd = openSync(path, "r+");
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}
