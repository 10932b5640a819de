/** `npm start [-- --local …]`: sets up, builds, and runs the example in the lab, or with `--local` without root on loopback. */
import { build } from "./build.mjs";
import { main, run } from "./run.mjs";
import { setup } from "./setup.mjs";

await main(async () => {
  const args = process.argv.slice(2);
  const tools = await setup({ lab: !args.includes("--local") });
  await build(tools);
  return run(tools.node, ["--enable-source-maps", "dist/lab/start.js", ...args], { env: tools.env });
});
