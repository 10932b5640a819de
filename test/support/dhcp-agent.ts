import { readFileSync } from "node:fs";
import { startDhcp } from "../../provider/agent/dhcp";
import { interfaceAddresses } from "../../provider/agent/sockets";
import { SqliteStore } from "../../provider/agent/store/sqlite";
import type { Document } from "../../provider/model/documents";
import { brokenForLeases, dhcpContext } from "./dhcp-context";

/** What a DHCP service is started with, as a JSON file. */
export interface DhcpAgentFile {
  readonly database: string;
  /** Whether storing a lease fails. */
  readonly broken: boolean;
  readonly documents: readonly Document[];
  readonly arm: readonly string[];
  readonly interfaces: readonly string[];
}

function say(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function main(): Promise<void> {
  const file = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as DhcpAgentFile;
  const sqlite = new SqliteStore(file.database);
  const context = await dhcpContext(file.documents, file.arm, file.broken ? brokenForLeases(sqlite) : sqlite, say);
  for (const name of file.interfaces) await startDhcp(context, { interface: { name, addresses: interfaceAddresses(name) }, port: 67 });
  say({ ready: true });
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
