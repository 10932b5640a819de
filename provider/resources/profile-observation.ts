import { isDeepStrictEqual } from "node:util";
import type { AssetSpec, ProfileSpec } from "../model/documents";
import { assetName, type AssetInput } from "./assets";
import type { Connections } from "./connections";
import type { Plain } from "./definition";
import { residenceNow } from "./residence";

/** Where the files of a profile come from, as its program says; `bios` may be left to this machine. */
export interface GivenFiles {
  readonly kernel: AssetInput;
  readonly initrd: readonly AssetInput[];
  readonly loader: { readonly bios?: { readonly program: AssetInput; readonly modules: readonly AssetInput[] } | undefined };
}

/**
 * Inputs as if a program had declared what the agent holds of a profile: its files are those that a check computes from files of
 * these sums.
 * @param given what the program gave, and `asked` what that means
 * @param recorded what an unpinned file's URL gave last time: that one isn't told by a check
 */
export function observedProfile(spec: ProfileSpec, given: Plain, asked: GivenFiles, recorded: (file: AssetInput) => AssetSpec | undefined): Plain {
  const planned = (found: AssetSpec, source: AssetInput | undefined): Plain => {
    if (source?.url === undefined) return { ...found };
    const name = assetName(source);
    const left = { name, sha256: source.sha256 ?? recorded(source)?.sha256 };
    if (found.name !== left.name || found.sha256 !== left.sha256) return { ...found };
    return source.sha256 === undefined ? { name } : left;
  };
  const { bios } = spec.loaders;
  const files = {
    kernel: planned(spec.kernel, asked.kernel),
    initrd: spec.initrd.map((file, index) => planned(file, asked.initrd[index])),
    ...(bios === undefined ? {} : {
      bios: {
        program: planned(bios.program, asked.loader.bios?.program),
        modules: bios.modules.map((file, index) => planned(file, asked.loader.bios?.modules[index])),
      },
    }),
  };
  const { distro, architecture } = given as { distro?: Plain; architecture?: string };
  const same = Object.entries(spec.distro).every(([key, value]) => isDeepStrictEqual(distro?.[key], value));
  return {
    ...given, distro: same ? distro : { ...distro, ...spec.distro }, files,
    ...(architecture === undefined ? {} : { architecture: spec.architecture }),
  };
}

/** The names of a profile's files that its agent lacks. */
export async function missingFiles(connections: Connections, outputs: Plain, { kernel, initrd, loaders }: ProfileSpec): Promise<string[]> {
  const { bios } = loaders;
  const files = [kernel, ...initrd, ...(bios === undefined ? [] : [bios.program, ...bios.modules])];
  const missing = new Set(await connections.using(residenceNow(outputs), (client) => client.missingAssets(files.map((file) => file.sha256))));
  return [...new Set(files.filter((file) => missing.has(file.sha256)).map((file) => file.name))];
}
