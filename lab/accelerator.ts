import fs from "node:fs";
import path from "node:path";
import { bootSector, diskBootMessage } from "./bootsector";
import { rootCacheFolder } from "./paths";
import { bootId, isRunning, signal, startDaemon, waitFor } from "./process";

export type Accelerator = "kvm" | "tcg";

/** Milliseconds until a machine has run our boot sector; undefined when it has not within the limit. */
async function timeToBoot(accelerator: Accelerator, folder: string, limitMs: number, cgroups: readonly string[]): Promise<number | undefined> {
  const base = path.join(folder, `probe-${accelerator}`);
  const [disk, serial, log] = [`${base}.img`, `${base}.serial`, `${base}.log`];
  fs.writeFileSync(disk, bootSector());
  fs.truncateSync(disk, 1024 * 1024);
  const args = [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-accel", accelerator, "-m", "64"],
    // With system management mode, which Secure Boot needs and some nested hypervisors lack.
    ...["-machine", "q35,smm=on,graphics=off"],
    ...["-chardev", `file,id=s,path=${serial.replaceAll(",", ",,")}`, "-serial", "chardev:s"],
    ...["-drive", `if=none,id=d,format=raw,readonly=on,file=${disk.replaceAll(",", ",,")}`, "-device", "virtio-blk-pci,drive=d"],
  ];
  const started = performance.now();
  const machine = await startDaemon("qemu-system-x86_64", args, { log, cgroups });
  const booted = (): boolean => fs.existsSync(serial) && fs.readFileSync(serial, "latin1").includes(diskBootMessage);
  try {
    await waitFor(() => booted() || !isRunning(machine), { what: `${accelerator} to boot`, timeoutMs: limitMs, intervalMs: 10 });
    return booted() ? performance.now() - started : undefined;
  } catch {
    return undefined;
  } finally {
    signal(machine, "SIGKILL");
    for (const file of [disk, serial, log]) fs.rmSync(file, { force: true });
  }
}

/**
 * KVM where it really helps. A /dev/kvm may be there and do nothing, or be emulated by an outer hypervisor and be twenty times
 * slower than QEMU's own translation: both boot our boot sector, and KVM is taken unless it is far behind. The answer is kept
 * until the machine is started anew.
 */
export async function probeAccelerator(folder: string, cgroups: readonly string[]): Promise<Accelerator> {
  try {
    fs.accessSync("/dev/kvm", fs.constants.R_OK | fs.constants.W_OK);
  } catch {
    return "tcg";
  }
  const answer = path.join(rootCacheFolder(), `accelerator-${bootId()}`);
  if (fs.existsSync(answer)) return fs.readFileSync(answer, "utf8") === "kvm" ? "kvm" : "tcg";
  const translated = await timeToBoot("tcg", folder, 30_000, cgroups);
  // Both spend most of so short a run on starting up, so equal times are no reason against KVM.
  const limitMs = 500 + 3 * (translated ?? 10_000);
  const found = (await timeToBoot("kvm", folder, limitMs, cgroups)) === undefined ? "tcg" : "kvm";
  fs.mkdirSync(rootCacheFolder(), { recursive: true });
  fs.writeFileSync(answer, found);
  return found;
}
