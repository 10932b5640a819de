import * as pulumi from "@pulumi/pulumi";
import type { AssetArgs, DistroPreset } from "./profile";

interface CommonOptions {
  /** Added to the kernel arguments, `quiet` and the like. Default: none. */
  kernelArgs?: pulumi.Input<string> | undefined;
  /** A serial console for the installer and the installed system, `ttyS0,115200n8`. Default: none. */
  console?: pulumi.Input<string> | undefined;
}

/** Where Debian comes from; a mirror or an installer must be given. */
export interface DebianOptions extends CommonOptions {
  /** The mirror's root, the folder that holds `dists` and `pool`: its netboot images are taken. */
  mirror?: pulumi.Input<string> | undefined;
  /** Instead of the mirror's: a local folder or URL that holds `linux` and `initrd.gz` of a netboot image. */
  installer?: pulumi.Input<string> | undefined;
}

/** Where Rocky Linux comes from. */
export interface RockyOptions extends CommonOptions {
  /** The mirror's root, the folder that holds the releases (`9`, `10`). */
  mirror: pulumi.Input<string>;
}

const debianCodenames = { 12: "bookworm", 13: "trixie" } as const;

/**
 * Debian's installer for x86_64.
 * @throws TypeError without a mirror and an installer
 */
export function debian(release: keyof typeof debianCodenames, options: DebianOptions): DistroPreset {
  const { mirror, installer } = options;
  const images = `dists/${debianCodenames[release]}/main/installer-amd64/current/images/netboot/debian-installer/amd64`;
  const folder = installer ?? (mirror === undefined ? undefined : mapped(mirror, (root) => `${trimmed(root)}/${images}`));
  if (folder === undefined) throw new TypeError(`distro.debian(${String(release)}): give a mirror, or an installer`);
  // What stands after --- is carried into the installed system's own boot loader.
  const serial = mapped(options.console ?? "", (port) => (port === "" ? "" : `console=${port} --- console=${port}`));
  return {
    distro: { family: "debian", release: String(release) },
    kernel: mapped(folder, (place) => fileIn(place, "linux")),
    initrd: [mapped(folder, (place) => fileIn(place, "initrd.gz"))],
    kernelArgs: joined(options.kernelArgs, serial),
  };
}

/** Rocky Linux's installer for x86_64. */
export function rocky(release: 9 | 10, options: RockyOptions): DistroPreset {
  const tree = mapped(options.mirror, (root) => `${trimmed(root)}/${String(release)}/BaseOS/x86_64/os`);
  return {
    distro: { family: "rhel", release: String(release), repository: mapped(tree, (root) => `${root}/`) },
    kernel: mapped(tree, (root) => fileIn(`${root}/images/pxeboot`, "vmlinuz")),
    initrd: [mapped(tree, (root) => fileIn(`${root}/images/pxeboot`, "initrd.img"))],
    kernelArgs: joined(options.kernelArgs, mapped(options.console ?? "", (port) => (port === "" ? "" : `console=${port} inst.text`))),
  };
}

function fileIn(place: string, name: string): AssetArgs {
  const full = `${trimmed(place)}/${name}`;
  return /^https?:\/\//.test(place) ? { url: full } : { path: full };
}

function trimmed(text: string): string {
  return text.replace(/\/+$/, "");
}

function joined(first: pulumi.Input<string> | undefined, second: pulumi.Input<string>): pulumi.Input<string> {
  return mapped(first ?? "", (one) => mapped(second, (two) => [one, two].filter((part) => part !== "").join(" ")));
}

/** Plain values stay plain, so that presets can be looked at and changed. */
function mapped<T extends string | AssetArgs>(value: pulumi.Input<string>, work: (text: string) => pulumi.Input<T>): pulumi.Input<T> {
  return typeof value === "string" ? work(value) : pulumi.output(value).apply((text): pulumi.Input<T> => work(text)) as pulumi.Output<T>;
}
