/**
 * provider/model/documents.schema.json: the JSON schema of the file that `pxe-agent run --config` and `pxe-agent apply` take,
 * generated from the compiled model. `--write` writes it; without, it is written to standard output.
 */
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export function documentsSchema(compiled = join(root, "dist")) {
  const require = createRequire(join(root, "package.json"));
  const { z } = require("zod");
  const { documentsFile } = require(join(compiled, "provider", "model", "documents.js"));
  const schema = z.toJSONSchema(documentsFile, { io: "input" });
  return `${JSON.stringify({ ...schema, title: "Documents of a pulumi-pxe boot agent" }, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--write")) writeFileSync(join(root, "provider", "model", "documents.schema.json"), documentsSchema());
  else process.stdout.write(documentsSchema());
}
