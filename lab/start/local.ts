import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pxeError } from "../../provider/errors";
import { freePorts } from "../ports";
import { simulateBoot, type SimResult } from "../simclient/index";
import type { Phases } from "./phases";
import { Stack } from "./pulumi";
import { keepSession, localState, openSession, type Session } from "./session";

/** The example without root: the agent as an ordinary process on loopback, and a simulated PXE client. */
export async function startLocal(phases: Phases, say: (line: string) => void): Promise<void> {
  const session = openSession("local");
  const stack = new Stack(session);
  const ports = await freePorts();
  await phases.run("pulumi up: the agent starts on this machine, documents are pushed", async () => {
    await stack.init({ cidr: "127.77.0.0/24", installer: standIns(session), ...mapText(ports) });
    await stack.up();
  });
  const boot = (name: string, mac: string, install: boolean): Promise<SimResult> =>
    phases.run(`a simulated machine boots: ${name}`, () =>
      simulateBoot({
        mac, server: "127.0.0.1", ...ports, relay: "127.77.0.254", install,
        progress: (line) => { say(`${phases.stamp()}  ${line}`); },
      }),
    );
  expectAction(await boot("fresh installs", "52:54:00:77:00:11", true), "install");
  expectAction(await boot("fresh again, now from its disk", "52:54:00:77:00:11", false), "local");
  expectAction(await boot("settled, which was never to be installed", "52:54:00:77:00:12", false), "local");
  keepSession(session);
  say(summary(session));
}

/** The simulated machine executes nothing: files of the right names stand for kernel, initrd and loader. */
function standIns(session: Session): string {
  const folders = { installer: ["linux", "initrd.gz"], loader: ["pxelinux.0", "ldlinux.c32"] };
  for (const [folder, names] of Object.entries(folders)) {
    mkdirSync(join(session.folder, folder));
    for (const name of names) writeFileSync(join(session.folder, folder, name), randomBytes(64 * 1024));
  }
  return join(session.folder, "installer");
}

function mapText(values: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
}

function expectAction(result: SimResult, action: SimResult["action"]): void {
  if (result.action !== action) throw pxeError("PXE_LAB_FAILED", `the machine was told ${result.action}, not ${action}`);
}

function summary(session: Session): string {
  return [
    "",
    "The simulated machine went from DHCP over TFTP and HTTP to its answer file, reported its installation, and boots from its disk now.",
    "Look at:",
    `  the agent's log     ${join(localState(session), "pulumi-pxe", "agent", "agent.log")}`,
    `  the stack's state   ${join(session.folder, "backend")} (a file backend; passphrase: lab)`,
    "  the program         examples/lab/index.ts",
    "Remove everything:    npm run lab:down",
  ].join("\n");
}
