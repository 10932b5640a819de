import { readFileSync } from "node:fs";
import { Serving } from "../../provider/agent/serving";
import type { Document } from "../../provider/model/documents";
import { filesContext } from "./files-context";

/** What an agent without a database is started with, as a JSON file. */
export interface ServingAgentFile {
  /** Contents in base64. */
  readonly assets: readonly string[];
  readonly documents: readonly Document[];
  readonly arm: readonly string[];
}

/** Serves all of it on the interfaces of its documents, and writes each event as a line: `node serving-agent.js FILE`. */
async function main(): Promise<void> {
  const file = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as ServingAgentFile;
  const { context, put, store } = await filesContext();
  for (const content of file.assets) await store("asset", Buffer.from(content, "base64"));
  await put(file.documents, file.arm);
  const say = (line: unknown): void => { process.stdout.write(`${JSON.stringify(line)}\n`); };
  const serving = new Serving({ ...context, emit: say });
  await serving.reconcile();
  say({ ready: serving.status() });
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
