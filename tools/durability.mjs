/**
 * `npm run test:durability [-- KILLS]`: kills the agent right after each of a thousand ACKs, and a hundred times in the midst of writing.
 * `npm test` does the same with a few kills.
 */
import { build } from "./build.mjs";
import { main } from "./run.mjs";
import { setup } from "./setup.mjs";
import { runPhase } from "./test/run-phase.mjs";

const hours = 3_600_000;

await main(async () => {
  const [kills = "1000"] = process.argv.slice(2);
  if (!/^[1-9]\d{0,5}$/.test(kills)) {
    console.error("Usage: npm run test:durability [-- KILLS]");
    return 1;
  }
  const tools = await setup({ pulumi: false });
  await build(tools, { writeSchema: false });
  const env = { ...tools.env, PXE_KILLS: kills, PXE_KILLS_UNDER_LOAD: String(Math.ceil(Number(kills) / 10)) };
  const phase = { name: "durability", tests: ["test/agent/durability.test.ts"], timeout: 4 * hours, files: 1 };
  const { ok } = await runPhase(phase, { ...tools, env }, { beside: false });
  return ok ? 0 : 1;
});
