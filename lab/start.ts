import { Command } from "commander";
import { closeAll } from "../provider/deploy/control";
import { errorText } from "../provider/errors";
import { removeSessions } from "./start/down";
import { startLocal } from "./start/local";
import { Phases } from "./start/phases";
import { startVirtual } from "./start/virtual";

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What `npm start` and `npm run lab:down` run, after their set-up. */
async function main(): Promise<void> {
  const program = new Command("npm start --").option("--local", "without root: the agent on loopback, a simulated machine").option("--down", "only remove what earlier starts left");
  const options = program.parse().opts<{ local?: true; down?: true }>();
  if (options.down === true) {
    await removeSessions(["lab", "local"], say);
    return;
  }
  // The lab's own handlers come first and end the process when it is removed.
  if (options.local === true) for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));
  const phases = new Phases(say);
  await removeSessions([options.local === true ? "local" : "lab"], say);
  await (options.local === true ? startLocal(phases, say) : startVirtual(phases, say));
  await closeAll();
  say(`\nTime by phase:\n${phases.table()}`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`\n${errorText(error)}\n`);
    process.exit(1);
  },
);
