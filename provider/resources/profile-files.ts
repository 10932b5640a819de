/** The files of a profile, each in its place. */
export interface ProfileFiles<T> {
  readonly kernel: T;
  readonly initrd: readonly T[];
  readonly bios: { readonly program: T; readonly modules: readonly T[] };
}

/** @param work gets each file and its property path, `initrd[0]` */
export function mapFiles<A, B>(files: ProfileFiles<A>, work: (file: A, property: string) => B): ProfileFiles<B> {
  return {
    kernel: work(files.kernel, "kernel"),
    initrd: files.initrd.map((file, index) => work(file, `initrd[${String(index)}]`)),
    bios: {
      program: work(files.bios.program, "loader.bios.program"),
      modules: files.bios.modules.map((file, index) => work(file, `loader.bios.modules[${String(index)}]`)),
    },
  };
}

export async function awaitFiles<T>(files: ProfileFiles<Promise<T>>): Promise<ProfileFiles<T>> {
  // Together, so that a failure of one leaves no rejection of another unhandled.
  await Promise.all(listFiles(files));
  return {
    kernel: await files.kernel,
    initrd: await Promise.all(files.initrd),
    bios: { program: await files.bios.program, modules: await Promise.all(files.bios.modules) },
  };
}

export function listFiles<T>(files: ProfileFiles<T>): T[] {
  return [files.kernel, ...files.initrd, files.bios.program, ...files.bios.modules];
}
