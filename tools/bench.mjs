/** `npm run bench [-- name …]`: sets up, builds, and measures against real peers. */
import { build } from "./build.mjs";
import { main, run } from "./run.mjs";
import { setup } from "./setup.mjs";
import { describeSystem } from "./setup/system.mjs";

await main(async () => {
  const { linux, root } = describeSystem();
  const tools = await setup({ lab: linux && root, test: linux && root });
  await build(tools);
  return run(tools.node, ["--enable-source-maps", "dist/bench/main.js", ...process.argv.slice(2)], { env: tools.env });
});
