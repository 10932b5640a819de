/** `npm run lab:down`: removes what `npm start` and every kept or orphaned lab left on this machine, with what was built last, even if it can't be built now. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { main, run } from "./run.mjs";
import { root, setup } from "./setup.mjs";
import { findNode, withFolderFirst } from "./setup/node.mjs";

await main(async () => {
  const { node, env } = (await asBuilt()) ?? (await fromScratch());
  const started = await run(node, ["--enable-source-maps", "dist/lab/start.js", "--down"], { env });
  const labs = process.platform === "linux" ? await run(node, ["--enable-source-maps", "dist/cli/pxe.js", "lab", "down", "--all"], { env }) : 0;
  return started === 0 ? labs : started;
});

async function asBuilt() {
  const { path } = findNode();
  const built = path !== undefined && existsSync(join(root, "dist", "lab", "start.js")) && existsSync(join(root, "node_modules"));
  return built ? { node: path, env: withFolderFirst(process.env, path) } : undefined;
}

async function fromScratch() {
  const tools = await setup({ pulumi: false });
  await build(tools, { writeSchema: false });
  return tools;
}
