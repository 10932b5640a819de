/**
 * `npm test [-- phase|path …] [--local]`: sets up, builds, lints, and runs every test. A phase is named `unit`, a path is
 * `test/wire/dhcp` or a file below it. Without root on Linux it runs what can run there and fails for the rest, unless `--local`
 * says that the rest isn't wanted.
 */
import { build } from "./build.mjs";
import { interrupted, main } from "./run.mjs";
import { setup } from "./setup.mjs";
import { elapsed } from "./setup/report.mjs";
import { describeSystem } from "./setup/system.mjs";
import { choose, stages } from "./test/phases.mjs";
import { runPhase } from "./test/run-phase.mjs";

await main(async () => {
  const from = Date.now();
  const local = process.argv.includes("--local");
  const wanted = process.argv.slice(2).filter((argument) => argument !== "--local");
  const unknown = wanted.filter((argument) => argument.startsWith("-"));
  if (unknown.length > 0) return fail(`No such option: ${unknown.join(" ")}. Usage: npm test [-- phase|path …] [--local]`);

  const system = describeSystem();
  const able = system.linux && system.root;
  // Which phases a selection touches is known from the sources, before anything is built.
  const touched = choose(stages, wanted, "source").flat();
  if (touched.length === 0) return fail(`Nothing is called ${wanted.join(" ")}. Phases: ${stages.flat().map(({ name }) => name).join(", ")}; or a path like test/wire.`);
  const needsRoot = able && !local && touched.some(({ needsRoot }) => needsRoot);
  const tools = await setup({ lab: needsRoot, test: needsRoot, pulumi: touched.some(({ needsPulumi }) => needsPulumi) });
  await build(tools, { writeSchema: false });

  const results = [];
  for (const stage of choose(stages, wanted, "compiled")) {
    const possible = stage.filter(({ needsRoot }) => able || !needsRoot);
    for (const phase of stage.filter((each) => !possible.includes(each))) {
      results.push({ phase: phase.name, ok: local, outcome: local ? "left out by --local" : "could not run: it needs root on Linux", milliseconds: 0 });
    }
    if (interrupted()) break;
    results.push(...(await Promise.all(possible.map((phase) => runPhase(phase, tools, { beside: possible.length > 1 })))));
  }

  console.log(`\n── summary (${elapsed(Date.now() - from)} in all)`);
  for (const { phase, ok, outcome, milliseconds } of results) {
    console.log(`${ok ? "ok    " : "FAILED"} ${phase.padEnd(9)} ${elapsed(milliseconds).padStart(13)}  ${outcome}`);
  }
  if (interrupted()) return fail("Interrupted.");
  return results.every(({ ok }) => ok) ? 0 : 1;
});

function fail(sentence) {
  console.error(sentence);
  return 1;
}
