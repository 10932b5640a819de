import { createWriteStream, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { must } from "./commands.mjs";
import { pulumiPinned } from "./pinned.mjs";

const platforms = { "linux-x64": "linux-x64", "linux-arm64": "linux-arm64", "darwin-x64": "darwin-x64", "darwin-arm64": "darwin-arm64" };

function address() {
  const platform = platforms[`${process.platform}-${process.arch}`];
  return platform && `https://get.pulumi.com/releases/sdk/pulumi-v${pulumiPinned.version}-${platform}.tar.gz`;
}

/** Why the release can't be downloaded, within 8 s; undefined when it can. */
export async function downloadReachable(from = address()) {
  if (from === undefined) return `no release for ${process.platform} ${process.arch} is known`;
  try {
    const response = await fetch(from, { method: "HEAD", signal: AbortSignal.timeout(8_000) });
    return response.ok ? undefined : `it answers ${response.status}`;
  } catch (error) {
    return reason(error);
  }
}

/** Downloads the release of this platform and unpacks its programs into `folder`. A transfer that stalls for 30 s is given up. */
export async function downloadPulumi(folder, from = address()) {
  const archive = join(folder, "pulumi.tar.gz");
  const stall = new AbortController();
  let timer = setTimeout(() => stall.abort(), 30_000);
  try {
    const response = await fetch(from, { signal: stall.signal });
    if (!response.ok) throw new Error(`the site answers ${response.status}`);
    const body = Readable.fromWeb(response.body);
    body.on("data", () => {
      clearTimeout(timer);
      timer = setTimeout(() => stall.abort(), 30_000);
    });
    await pipeline(body, createWriteStream(archive));
  } catch (error) {
    throw new Error(stall.signal.aborted ? "the transfer stalled" : reason(error), { cause: error });
  } finally {
    clearTimeout(timer);
  }
  const unpacked = join(folder, "unpacked");
  mkdirSync(unpacked);
  await must("tar", ["-xzf", archive, "-C", unpacked]);
  const programs = join(unpacked, "pulumi");
  for (const name of readdirSync(programs)) renameSync(join(programs, name), join(folder, name));
  rmSync(unpacked, { recursive: true });
  rmSync(archive);
}

function reason(error) {
  if (error.name === "TimeoutError") return "no answer within 8 s";
  return error.cause?.message ?? error.message;
}
