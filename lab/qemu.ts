import fs from "node:fs";
import path from "node:path";
import { pxeError } from "../provider/errors";
import type { Accelerator } from "./accelerator";

export type Firmware = "bios" | "uefi" | "uefi-secureboot";

export interface DiskPlan {
  readonly file: string;
  /** At most 20 characters: what virtio-blk has room for. */
  readonly serial: string;
}

/** All that QEMU's command line is made from. */
export interface MachinePlan {
  readonly name: string;
  readonly firmware: Firmware;
  readonly accelerator: Accelerator;
  readonly memoryMb: number;
  readonly uuid: string;
  readonly mac: string;
  readonly tap: string;
  readonly consoleFile: string;
  readonly qmpSocket: string;
  /** This machine's own copy of the UEFI variables. */
  readonly variables: string | undefined;
  readonly disk: DiskPlan | undefined;
  readonly bootOrder: "network-first" | "disk-first";
  readonly extraArguments: readonly string[];
}

const ovmfFolder = "/usr/share/OVMF";
const ovmf = {
  uefi: { code: "OVMF_CODE_4M.fd", variables: "OVMF_VARS_4M.fd" },
  // Microsoft's keys enrolled: what shim is signed for.
  "uefi-secureboot": { code: "OVMF_CODE_4M.secboot.fd", variables: "OVMF_VARS_4M.ms.fd" },
} as const;

/** The firmware image files; undefined for BIOS, which QEMU brings itself. */
export function firmwareFiles(firmware: Firmware): { code: string; variables: string } | undefined {
  if (firmware === "bios") return undefined;
  const files = { code: path.join(ovmfFolder, ovmf[firmware].code), variables: path.join(ovmfFolder, ovmf[firmware].variables) };
  const missing = Object.values(files).filter((file) => !fs.existsSync(file));
  if (missing.length > 0) {
    throw pxeError("PXE_TOOL_MISSING", `no UEFI firmware for QEMU: ${missing.join(", ")}`, { fix: "On Debian or Ubuntu: apt-get install ovmf" });
  }
  return files;
}

function boardArguments(plan: MachinePlan): string[] {
  const files = firmwareFiles(plan.firmware);
  // graphics=off makes SeaBIOS mirror its screen, and so also iPXE's and pxelinux's, to the serial port (etc/sercon-port).
  if (files === undefined || plan.variables === undefined) return ["-machine", "q35,graphics=off"];
  const secure = plan.firmware === "uefi-secureboot";
  return [
    ...["-machine", secure ? "q35,smm=on,graphics=off" : "q35,graphics=off"],
    ...(secure ? ["-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1"] : []),
    ...["-drive", `if=pflash,format=raw,unit=0,readonly=on,file=${files.code}`],
    ...["-drive", `if=pflash,format=raw,unit=1,file=${quoted(plan.variables)}`],
  ];
}

/** A value inside a comma-separated QEMU option. */
const quoted = (text: string): string => text.replaceAll(",", ",,");

function acceleratorArguments(accelerator: Accelerator): string[] {
  return accelerator === "kvm" ? ["-accel", "kvm", "-cpu", "host"] : ["-accel", "tcg,thread=multi", "-cpu", "max"];
}

/** The command line of one power-on. */
export function qemuArguments(plan: MachinePlan): string[] {
  const [networkIndex, diskIndex] = plan.bootOrder === "network-first" ? [1, 2] : [2, 1];
  // OVMF has drivers and a PXE client of its own; with a ROM on the card iPXE would take their place.
  const rom = plan.firmware === "bios" ? "" : ",romfile=";
  const disk =
    plan.disk === undefined
      ? []
      : [
          // A lab's disk need not outlive a power cut of the host: no flushes.
          ...["-drive", `if=none,id=disk0,format=raw,cache=unsafe,discard=unmap,file=${quoted(plan.disk.file)}`],
          ...["-device", `virtio-blk-pci,drive=disk0,serial=${quoted(plan.disk.serial)},bootindex=${diskIndex}`],
        ];
  return [
    ...["-name", plan.name, "-uuid", plan.uuid, "-nodefaults", "-no-user-config", "-display", "none"],
    ...boardArguments(plan),
    ...acceleratorArguments(plan.accelerator),
    ...["-smp", "1", "-m", String(plan.memoryMb)],
    ...["-chardev", `file,id=serial0,path=${quoted(plan.consoleFile)},append=on`, "-serial", "chardev:serial0"],
    ...["-qmp", `unix:${quoted(plan.qmpSocket)},server=on,wait=off`],
    ...["-netdev", `tap,id=net0,ifname=${plan.tap},script=no,downscript=no`],
    ...["-device", `virtio-net-pci,netdev=net0,mac=${plan.mac},bootindex=${networkIndex}${rom}`],
    ...disk,
    // Without it an installer waits for entropy.
    ...["-device", "virtio-rng-pci"],
    ...plan.extraArguments,
  ];
}
