import { Lab } from "../../lab/index";

/** A process that owns a lab: `node owner.js idle|throw|return|quick`. Prints `id ID`, then `ready`, on lines of their own. */
async function main(mode: string): Promise<void> {
  const lab = await Lab.create({ name: `owned-${mode}` });
  process.stdout.write(`id ${lab.id}\n`);
  await lab.target();
  const machine = await lab.machine({ name: "m1", memoryMb: 128, disk: { sizeMb: 8 } });
  await machine.powerOn();
  await lab.netns("c1", "10.77.0.50/24");
  process.stdout.write("ready\n");
  if (mode === "return") return;
  if (mode === "throw") {
    setTimeout(() => {
      throw new Error("the owner's own defect");
    }, 10);
  }
  setInterval(() => undefined, 60_000);
}

main(process.argv[2] ?? "idle").catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
