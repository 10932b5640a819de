import fs from "node:fs";
import { pxeError } from "../errors";
import type { AssetLibrary, ReadyAsset } from "./assets";
import type { Connections, Link } from "./connections";

/**
 * Makes the agent hold the files, sending only those that it lacks.
 * @returns the files as sent: one known only by an old record is fetched again, and is what its URL gives now
 */
export async function sendAssets(connections: Connections, link: Link, files: readonly ReadyAsset[], library: AssetLibrary): Promise<ReadyAsset[]> {
  const missing = await lacking(connections, link, files);
  const ready = await Promise.all(files.map(async (item) => (missing.has(item.spec.sha256) && item.file === undefined ? library.download(item.source) : item)));
  const fetched = ready.filter((item, index) => item !== files[index]);
  const still = fetched.length === 0 ? missing : await lacking(connections, link, ready);
  const bySum = new Map(ready.filter((item) => still.has(item.spec.sha256)).map((item) => [item.spec.sha256, item]));
  for (const item of bySum.values()) await send(connections, link, item);
  return ready;
}

async function lacking(connections: Connections, link: Link, files: readonly ReadyAsset[]): Promise<ReadonlySet<string>> {
  return connections.using(link, async (client) => new Set(await client.missingAssets(files.map((item) => item.spec.sha256))));
}

async function send(connections: Connections, link: Link, item: ReadyAsset): Promise<void> {
  const { file, spec } = item;
  if (file === undefined) throw pxeError("PXE_INTERNAL", `the file ${spec.name} is not on this machine`);
  await connections.using(link, (client) => client.putAsset(spec.sha256, spec.size, () => fs.createReadStream(file)));
}
