import fs from "node:fs";
import path from "node:path";
import { finding, throwFindings, type Finding } from "../provider/errors";

/** What the lab needs: a command, or a file by its path, and the Debian package that brings it. */
const needs = {
  ip: "iproute2",
  nft: "nftables",
  nsenter: "util-linux",
  mount: "mount",
  "systemd-nspawn": "systemd-container",
  mmdebstrap: "mmdebstrap",
  "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
  ssh: "openssh-client",
  "ssh-keygen": "openssh-client",
  "qemu-system-x86_64": "qemu-system-x86",
  "/usr/lib/ipxe/qemu/pxe-virtio.rom": "ipxe-qemu",
} as const;

function isHere(tool: string): boolean {
  if (path.isAbsolute(tool)) return fs.existsSync(tool);
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.some((folder) => fs.existsSync(path.join(folder, tool)));
}

/** Debian packages that the lab needs and this machine lacks. */
export function missingPackages(): string[] {
  return [...new Set(Object.entries(needs).filter(([tool]) => !isHere(tool)).map(([, name]) => name))];
}

/** Throws all at once what keeps a lab from being made here. */
export function checkRequirements(): void {
  const found: Finding[] = [];
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    found.push(finding("PXE_LAB_FAILED", "a lab makes network namespaces and containers", { fix: "Run it as root on Linux." }));
  }
  const packages = missingPackages();
  if (process.platform === "linux" && packages.length > 0) {
    const fix = `On Debian or Ubuntu: apt-get install ${packages.join(" ")}`;
    found.push(finding("PXE_TOOL_MISSING", `the lab lacks ${packages.join(", ")}`, { fix }));
  }
  throwFindings(found);
}
