import { join } from "node:path";
import { diskBootMessage, Lab, type Machine, type Target } from "../index";
import type { Phases } from "./phases";
import { Stack } from "./pulumi";
import { keepSession, openSession, type Session } from "./session";
import { EventWatch } from "./watch";

/** The MACs that the example declares. */
const macs = { fresh: "52:54:00:77:00:11", settled: "52:54:00:77:00:12" } as const;

/** Time limits in milliseconds: an emulated machine on two busy cores takes minutes. */
const limits = { disk: 240_000, answer: 420_000 } as const;

/** The example in the lab: `pulumi up` against a throw-away systemd target, then two virtual machines boot from its agent. */
export async function startVirtual(phases: Phases, say: (line: string) => void): Promise<void> {
  const { lab, target } = await phases.run("a network and a target of its own", () => makeLab(say));
  try {
    const session = openSession("lab", lab.id);
    const stack = new Stack(session);
    await phases.run("pulumi up: the agent is installed over SSH, documents are pushed", async () => {
      await stack.init(settings(target));
      await stack.up();
    });
    const access = await stack.agentAccess();
    const watch = new EventWatch(access, (event) => { say(`${phases.stamp()}  ${event.kind.padEnd(16)} ${event.text}`); });
    const machines = await phases.run("two machines boot from the network", () => bootMachines(lab, watch, phases, say));
    await watch.close();
    lab.keep();
    keepSession(session);
    say(summary(session, target, machines));
  } catch (error) {
    await lab.down();
    throw error;
  }
}

async function makeLab(say: (line: string) => void): Promise<{ lab: Lab; target: Target }> {
  const lab = await Lab.create({ name: "start", progress: say });
  try {
    return { lab, target: await lab.target() };
  } catch (error) {
    await lab.down();
    throw error;
  }
}

function settings(target: Target): Record<string, string> {
  return {
    host: target.host, port: String(target.port), user: target.user,
    hostKey: target.hostKeyFingerprint, privateKeyPath: target.privateKeyPath,
    interface: target.interface, console: "ttyS0,115200n8",
    freshMac: macs.fresh, settledMac: macs.settled,
  };
}

async function bootMachines(lab: Lab, watch: EventWatch, phases: Phases, say: (line: string) => void): Promise<Machine[]> {
  const fresh = await lab.machine({ name: "fresh", mac: macs.fresh, memoryMb: 1024, disk: { sizeMb: 4096 } });
  const settled = await lab.machine({ name: "settled", mac: macs.settled, memoryMb: 256, disk: { sizeMb: 16, bootable: true } });
  await Promise.all([fresh.powerOn(), settled.powerOn()]);
  say(`${phases.stamp()}  power on         fresh (empty disk) and settled (a disk that boots)`);
  const fromDisk = settled.waitForConsole(new RegExp(diskBootMessage), { timeoutMs: limits.disk }).then(async () => {
    say(`${phases.stamp()}  console          settled: boots from its disk`);
    await settled.powerOff();
  });
  const reported = watch.wait("the installer's report", (event) => event.kind === "host.installing" && event.mac === macs.fresh, limits.answer);
  await Promise.all([fromDisk, reported]);
  return [fresh, settled];
}

function summary(session: Session, target: Target, machines: readonly Machine[]): string {
  const ssh = target.sshCommand().join(" ");
  return [
    "",
    "The machine fresh runs debian-installer with the answer file that its plan showed, and has reported it; settled boots its disk.",
    "Look at:",
    ...machines.map((machine) => `  ${machine.name}'s console   ${machine.console}`),
    `  the target          ${ssh}`,
    `  the agent's log     ${ssh} journalctl -u 'pulumi-pxe@*'`,
    `  the stack's state   ${join(session.folder, "backend")} (a file backend; passphrase: lab)`,
    "  the program         examples/lab/index.ts",
    "Remove everything:    npm run lab:down",
  ].join("\n");
}
