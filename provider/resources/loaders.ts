import fs from "node:fs";
import path from "node:path";
import { finding, type Finding } from "../errors";
import type { AssetInput } from "./assets";

/** A network boot program and what it fetches from beside itself. */
export interface LoaderInput {
  readonly program: AssetInput;
  readonly modules: readonly AssetInput[];
}

/** Where distributions' packages put PXELINUX, and the one module that it can't do without. */
const places: readonly { readonly program: string; readonly module: string }[] = [
  // Debian and Ubuntu: packages pxelinux and syslinux-common.
  { program: "/usr/lib/PXELINUX/pxelinux.0", module: "/usr/lib/syslinux/modules/bios/ldlinux.c32" },
  // Fedora and Red Hat: package syslinux-tftpboot or syslinux-nonlinux.
  { program: "/usr/share/syslinux/pxelinux.0", module: "/usr/share/syslinux/ldlinux.c32" },
  { program: "/tftpboot/pxelinux.0", module: "/tftpboot/ldlinux.c32" },
  // Arch: package syslinux.
  { program: "/usr/lib/syslinux/bios/pxelinux.0", module: "/usr/lib/syslinux/bios/ldlinux.c32" },
];

/**
 * PXELINUX from this machine's packages, or from the folder that PXE_SYSLINUX_DIR names.
 * @returns the loader, or why there is none
 */
export function findBiosLoader(document: string): LoaderInput | Finding {
  const folder = process.env["PXE_SYSLINUX_DIR"];
  const candidates = folder === undefined ? places : [{ program: path.join(folder, "pxelinux.0"), module: path.join(folder, "ldlinux.c32") }];
  const found = candidates.find((place) => fs.existsSync(place.program) && fs.existsSync(place.module));
  if (found !== undefined) return { program: { path: found.program }, modules: [{ path: found.module }] };
  const looked = candidates.map((place) => path.dirname(place.program)).join(", ");
  return finding("PXE_LOADER_MISSING", `there is no pxelinux.0 with its ldlinux.c32 on this machine (looked in ${looked})`, {
    where: [{ document, property: "loader.bios" }],
    fix: "Install pxelinux and syslinux-common (Debian, Ubuntu) or syslinux-tftpboot (Fedora, Red Hat), name a folder in PXE_SYSLINUX_DIR, or give the profile's loader.bios.",
  });
}
