import { existsSync, readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { withLock } from "./cache.mjs";
import { capture, must, which } from "./commands.mjs";
import { Missing } from "./report.mjs";

/** What this machine is, as far as it matters here. */
export function describeSystem() {
  const release = readRelease();
  const ids = [release.ID, ...(release.ID_LIKE ?? "").split(" ")];
  return {
    linux: process.platform === "linux",
    root: process.getuid?.() === 0,
    debian: ids.includes("debian") && which("apt-get", searchPath()) !== undefined,
    /** `debian 12`, as `onlyOn` of a package says it. */
    release: `${release.ID ?? process.platform} ${release.VERSION_ID ?? ""}`.trim(),
    title: release.PRETTY_NAME ?? process.platform,
  };
}

/** Which of `packages` are not there: by dpkg on Debian and Ubuntu, elsewhere by their command or file. */
export async function missingPackages(packages, system) {
  if (!system.debian) return packages.filter(({ probe }) => !(isAbsolute(probe) ? existsSync(probe) : which(probe, searchPath())));
  const { out } = await capture("dpkg-query", ["-W", "-f", "${Package} ${db:Status-Status}\n", ...packages.map(({ name }) => name)]);
  const installed = new Set(out.split("\n").filter((line) => line.endsWith(" installed")).map((line) => line.split(" ")[0]));
  return packages.filter(({ name }) => !installed.has(name));
}

/**
 * Splits what is missing into what apt can install here and findings about the rest, so that all can be named before anything
 * is done.
 */
export function planPackages(missing, system) {
  const foreign = missing.filter(({ onlyOn }) => onlyOn !== undefined && onlyOn !== system.release);
  const findings = foreign.map(
    ({ name, onlyOn }) => new Missing(`The package ${name} exists only on ${capital(onlyOn)}, and this is ${system.title}`, `Use a ${capital(onlyOn)} machine or container, or --local.`),
  );
  const here = missing.filter((each) => !foreign.includes(each));
  if (here.length === 0 || (system.debian && system.root)) return { install: here.map(({ name }) => name), findings };
  const names = here.map(({ name }) => name).join(" ");
  const finding = system.debian
    ? new Missing(`These packages are not installed: ${names}`, `As root: apt-get install --no-install-recommends ${names}`)
    : new Missing(
        `These programs or files are not there: ${here.map(({ probe }) => probe).join(", ")}`,
        `Install what holds them; the Debian packages are called: ${names}`,
      );
  return { install: [], findings: [...findings, finding] };
}

/** Installs packages with apt, without recommended ones; an apt that is busy is waited for. */
export async function installPackages(names) {
  const apt = ["-q", "-o", "DPkg::Lock::Timeout=300"];
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await withLock("apt", async () => {
    try {
      await must("apt-get", [...apt, "update"], { env });
      await must("apt-get", [...apt, "install", "-y", "--no-install-recommends", ...names], { env });
    } catch (error) {
      throw new Missing(`The packages ${names.join(" ")} could not be installed: ${error.message}`, "See apt's own words above.");
    }
  });
}

/** Users other than root often have no sbin folder on PATH, where some of the programs are. */
function searchPath() {
  return `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
}

function readRelease() {
  try {
    const lines = readFileSync("/etc/os-release", "utf8").split("\n");
    return Object.fromEntries(lines.filter((line) => line.includes("=")).map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1).replaceAll(/^["']|["']$/g, "")]));
  } catch {
    return {};
  }
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
