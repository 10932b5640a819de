/** `npm run lab:down`: removes every lab that is left on this machine. */
import { build } from "./build.mjs";
import { main, run } from "./run.mjs";
import { setup } from "./setup.mjs";

await main(async () => {
  const tools = await setup({ pulumi: false });
  await build(tools, { writeSchema: false });
  return run(tools.node, ["--enable-source-maps", "dist/cli/pxe.js", "lab", "down", "--all"], { env: tools.env });
});
