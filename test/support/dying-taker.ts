import { join } from "node:path";
import { takeFrom } from "../../provider/agent/handover/take";
import { SqliteStore } from "../../provider/agent/store/sqlite";
import { lockFolder } from "../../provider/agent/store/lock";

/**
 * An agent that takes over a folder and is cut off on its way: `node dying-taker.js DATA asked|given|locked|opened|hung`. It is
 * killed by its own hand, as nobody else could time it; `hung` does nothing more, and holds the folder.
 */
async function main(data: string, stage: string): Promise<void> {
  const die = (at: string): void => { if (at === stage) process.kill(process.pid, "SIGKILL"); };
  if (stage === "asked") setImmediate(() => { die("asked"); });
  const taken = await takeFrom(data);
  die("given");
  lockFolder(data);
  die("locked");
  new SqliteStore(join(data, "agent.db")).load();
  die("opened");
  process.stdout.write(`${String(taken?.sockets.length)} sockets\n`);
  setInterval(() => undefined, 60_000);
}

main(process.argv[2] ?? "", process.argv[3] ?? "").catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
