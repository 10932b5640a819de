import { errorText } from "../provider/errors";
import { removeLabById } from "./teardown";

/** `node reaper.js ID…`: takes labs down on behalf of a process that is ending. */
async function main(): Promise<void> {
  for (const id of process.argv.slice(2)) await removeLabById(id);
}

main().catch((error: unknown) => {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = 1;
});
