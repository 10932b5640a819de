import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** The repository's root folder, in which tests run: tools/ is plain JavaScript and isn't compiled. */
export const root = process.cwd();

/** Loads a module of tools/, such as `setup/cache.mjs`. */
export async function loadTool<T>(path: string): Promise<T> {
  const module: unknown = await import(pathToFileURL(join(root, "tools", path)).href);
  return module as T;
}
