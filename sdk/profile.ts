import * as pulumi from "@pulumi/pulumi";
import type { Answer } from "./answer";
import { childInputs, childOptions, nameAfter, resourceType, type ServerInput } from "./identity";

/** A file: on the machine that runs Pulumi (`path`), or downloaded there (`url`). Give exactly one. */
export interface AssetArgs {
  /** A file on the machine that runs Pulumi; relative to the program's folder. */
  path?: pulumi.Input<string> | undefined;
  /** `http` or `https`; fetched in `pulumi up`, not in a preview. Without `sha256` it stays what it was when it was first downloaded, as long as the URL is the same. */
  url?: pulumi.Input<string> | undefined;
  /** The sum that the file must have, lower-case hexadecimal. */
  sha256?: pulumi.Input<string> | undefined;
  /** The name under which it is served. Default: the last part of the path or URL. */
  name?: pulumi.Input<string> | undefined;
}

/** The distribution that a profile installs. */
export interface DistroArgs {
  /** `rhel`: all that Anaconda installs. */
  family: pulumi.Input<"debian" | "rhel">;
  /** Its major version, `"12"`. */
  release: pulumi.Input<string>;
  /** Where Anaconda finds its install tree (`inst.repo`), a URL. Needed for `rhel` unless the answer file or the kernel arguments name one. */
  repository?: pulumi.Input<string> | undefined;
}

/** A network boot program for BIOS machines, and what it fetches from beside itself. */
export interface BiosLoaderArgs {
  /** `pxelinux.0` or `lpxelinux.0`. */
  program: pulumi.Input<AssetArgs>;
  /** What it loads, `ldlinux.c32` first of all. Default: none. */
  modules?: pulumi.Input<pulumi.Input<AssetArgs>[]> | undefined;
}

/** What a distribution's preset fills in. */
export interface DistroPreset {
  /** What is installed. */
  distro: pulumi.Input<DistroArgs>;
  /** The installer's kernel. */
  kernel: pulumi.Input<AssetArgs>;
  /** The installer's initial RAM disks, in the order they are loaded. */
  initrd: pulumi.Input<pulumi.Input<AssetArgs>[]>;
  /** Separated by spaces; `""` where there are none. */
  kernelArgs: pulumi.Input<string>;
}

/** What `BootProfile` takes; `pxe.distro` fills most of it in. */
export interface BootProfileArgs {
  /** The server that it belongs to, or the `ref` of another stack's. */
  server: ServerInput;
  /** What is installed. */
  distro: pulumi.Input<DistroArgs>;
  /** Default: x86_64. */
  architecture?: pulumi.Input<"x86_64"> | undefined;
  /** The installer's kernel. */
  kernel: pulumi.Input<AssetArgs>;
  /** The installer's initial RAM disks, in the order they are loaded; one at least. */
  initrd: pulumi.Input<pulumi.Input<AssetArgs>[]>;
  /** Default: PXELINUX from the packages of the machine that runs Pulumi, or from the folder PXE_SYSLINUX_DIR. */
  loader?: pulumi.Input<{ bios?: pulumi.Input<BiosLoaderArgs> | undefined }> | undefined;
  /** Added to the kernel arguments that the installer needs, which come by themselves. Default: none. */
  kernelArgs?: pulumi.Input<string> | undefined;
  /** The answer file, from `preseed()` or `kickstart()`. Default: none, and the installer asks its questions. */
  answer?: pulumi.Input<Answer> | undefined;
}

const type = "BootProfile";

/** How machines are installed: kernel, initial RAM disk, loader and answer file. */
export class BootProfile extends pulumi.CustomResource {
  /** What policy packs know the class by (`validateResourceOfType`). */
  static readonly __pulumiType = resourceType(type);
  /** The name to refer to it by, known in previews. */
  readonly documentName: pulumi.Output<string>;
  /** Empty; a secret if anything that hosts are rendered from is one. */
  readonly secrecy: pulumi.Output<object>;
  /** What is installed. */
  declare readonly distro: pulumi.Output<{ family: string; release: string; repository?: string }>;

  constructor(name: string, args: BootProfileArgs, options?: pulumi.CustomResourceOptions) {
    const computed = { files: undefined };
    super(resourceType(type), name, { ...args, ...computed, ...childInputs("profile", type, name, args.server) }, {
      ...childOptions(args.server, options), additionalSecretOutputs: [...(options?.additionalSecretOutputs ?? []), "downloads"],
    });
    this.documentName = nameAfter(this, name);
    this.secrecy = pulumi.all([args.answer, args.kernelArgs, args.distro]).apply(() => ({}));
  }
}
