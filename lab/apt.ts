import fs from "node:fs";
import path from "node:path";
import { run } from "./process";
import { pxeError } from "../provider/errors";

/** One package source of this machine. */
export interface AptSource {
  readonly uri: string;
  readonly suite: string;
  readonly signedBy?: string;
}

/** Reads deb822 source files (sources.list(5)): stanzas of fields, of which several may hold lists. */
export function parseDeb822(text: string): AptSource[] {
  const withoutComments = text.split("\n").filter((line) => !line.startsWith("#")).join("\n");
  return withoutComments.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = new Map<string, string>();
    for (const line of stanza.replace(/\n[ \t]+/g, " ").split("\n")) {
      const colon = line.indexOf(":");
      if (colon > 0) fields.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
    }
    const list = (name: string): string[] => (fields.get(name) ?? "").split(/\s+/).filter((word) => word !== "");
    if (!list("types").includes("deb") || !list("components").includes("main") || fields.get("enabled") === "no") return [];
    const signedBy = fields.get("signed-by");
    // A key written into the stanza itself can't be passed on in one line.
    const key = signedBy?.startsWith("/") === true ? { signedBy } : {};
    return list("uris").flatMap((uri) => list("suites").map((suite) => ({ uri, suite, ...key })));
  });
}

/** Reads one-line source files: `deb [options] URI SUITE COMPONENT…`. */
export function parseSourcesList(text: string): AptSource[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.+)$/.exec(line.replace(/\s#.*$/, ""));
    if (match === null) return [];
    const [, options = "", uri = "", suite = "", components = ""] = match;
    if (!components.split(/\s+/).includes("main")) return [];
    const signedBy = /signed-by=(\/[^\s,]+)/.exec(options)?.[1];
    return [{ uri, suite, ...(signedBy === undefined ? {} : { signedBy }) }];
  });
}

/** Those sources of a Debian machine that carry its own release, rewritten for another release. */
export function sourcesFor(release: string, ownRelease: string, sources: readonly AptSource[]): string[] {
  const own = new Set([ownRelease, `${ownRelease}-updates`, `${ownRelease}-security`]);
  const lines = sources
    .filter(({ suite }) => own.has(suite))
    .map(({ uri, suite, signedBy }) => {
      const option = signedBy === undefined ? "" : `[signed-by=${signedBy}] `;
      return `deb ${option}${uri} ${suite.replace(ownRelease, release)} main`;
    });
  return [...new Set(lines)];
}

function readSources(folder: string): AptSource[] {
  const parts = path.join(folder, "sources.list.d");
  const files = [path.join(folder, "sources.list"), ...(fs.existsSync(parts) ? fs.readdirSync(parts).map((name) => path.join(parts, name)) : [])];
  return files.filter((file) => fs.existsSync(file)).flatMap((file) => {
    const text = fs.readFileSync(file, "utf8");
    if (file.endsWith(".sources")) return parseDeb822(text);
    return file.endsWith(".list") ? parseSourcesList(text) : [];
  });
}

/** Where a Debian release comes from: the mirrors that this machine itself uses, when it is a Debian machine. */
export function debianSources(release: string): string[] {
  const given = process.env["PXE_LAB_DEBIAN_MIRROR"];
  if (given !== undefined && given !== "") return [`deb ${given} ${release} main`];
  const system = fs.existsSync("/etc/os-release") ? fs.readFileSync("/etc/os-release", "utf8") : "";
  const own = /^ID=debian$/m.test(system) ? /^VERSION_CODENAME=(\S+)$/m.exec(system)?.[1] : undefined;
  const lines = own === undefined ? [] : sourcesFor(release, own, readSources("/etc/apt"));
  if (lines.length > 0) return lines;
  throw pxeError("PXE_LAB_FAILED", "this machine's package sources name no Debian mirror", { fix: "Set PXE_LAB_DEBIAN_MIRROR to the URL of one." });
}

/** The machine's own ways of fetching (proxies, certificates, date checks), which mmdebstrap would otherwise not know of. */
export async function aptOptions(): Promise<string[]> {
  const { stdout } = await run("apt-config", ["dump"], { allowFailure: true });
  return stdout
    .split("\n")
    .filter((line) => /^Acquire::(https?::|Check-Valid-Until|Check-Date|Retries)/i.test(line) && !line.endsWith('"";'))
    .map((line) => line.replace(/;$/, ""));
}
