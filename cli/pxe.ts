#!/usr/bin/env node
import fs from "node:fs";
import path from "node:path";
import { Command } from "commander";
import { errorText, PxeError } from "../provider/errors";

interface Subcommand {
  readonly summary: string;
  /** Loaded only when it is asked for: `pxe --help` stays instant. */
  readonly load: () => Promise<Command>;
}

const subcommands: Readonly<Record<string, Subcommand>> = {
  lab: {
    summary: "make, show and remove throw-away provisioning networks (Linux, root)",
    load: async () => (await import("./lab.js")).labCommand(),
  },
  plan: {
    summary: "preview an update: which machines it installs, and the files that each would be served",
    load: async () => (await import("./plan.js")).planCommand(),
  },
};

/** The version of the package that this file is part of. */
function packageVersion(): string {
  for (let folder = __dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const file = path.join(folder, "package.json");
    if (fs.existsSync(file)) return (JSON.parse(fs.readFileSync(file, "utf8")) as { version?: string }).version ?? "unknown";
  }
  return "unknown";
}

async function main(argv: readonly string[]): Promise<void> {
  const program = new Command("pxe").description("Provisioning networks declared with pulumi-pxe").version(packageVersion());
  for (const [name, { summary, load }] of Object.entries(subcommands)) {
    if (argv[2] === name) program.addCommand(await load());
    else program.command(name).summary(summary);
  }
  await program.parseAsync(argv);
}

main(process.argv).catch((error: unknown) => {
  if (process.argv.includes("--json")) {
    const findings = error instanceof PxeError ? error.findings : [{ code: "PXE_INTERNAL", what: errorText(error), fix: "", where: [] }];
    process.stdout.write(`${JSON.stringify({ findings }, undefined, 2)}\n`);
  } else {
    process.stderr.write(`${errorText(error)}\n`);
  }
  process.exitCode = 1;
});
