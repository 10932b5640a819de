import { uuidFileName } from "./uuid";

/** The names that PXELINUX looks for its configuration by, in its order (SYSLINUX doc/pxelinux.txt). */
export function configSearch(machine: { mac: string; uuid: string | undefined; address: string }): string[] {
  const hex = machine.address.split(".").map((part) => Number(part).toString(16).padStart(2, "0")).join("").toUpperCase();
  return [
    ...(machine.uuid === undefined ? [] : [uuidFileName(machine.uuid)]),
    `01-${machine.mac.toLowerCase().replaceAll(":", "-")}`,
    ...Array.from({ length: hex.length }, (_, dropped) => hex.slice(0, hex.length - dropped)),
    "default",
  ].map((name) => `pxelinux.cfg/${name}`);
}

/** What the default entry of a configuration does. */
export type PxelinuxEntry =
  | { readonly action: "local" }
  | { readonly action: "boot"; readonly kernel: string; readonly initrds: readonly string[]; readonly append: string };

/** Reads the default entry; undefined where there is none that boots anything. */
export function parseConfig(text: string): PxelinuxEntry | undefined {
  const directives = text.split("\n").flatMap((line) => {
    const match = /^\s*([A-Za-z]+)\s+(.*?)\s*$/.exec(line);
    return match === null ? [] : [{ word: (match[1] ?? "").toLowerCase(), rest: match[2] ?? "" }];
  });
  const chosen = directives.find(({ word }) => word === "default")?.rest;
  const start = directives.findIndex(({ word, rest }) => word === "label" && rest === chosen);
  if (start < 0) return undefined;
  const following = directives.slice(start + 1);
  const next = following.findIndex(({ word }) => word === "label");
  const entry = new Map((next < 0 ? following : following.slice(0, next)).map(({ word, rest }) => [word, rest]));
  if (entry.has("localboot")) return { action: "local" };
  const kernel = entry.get("kernel") ?? entry.get("linux");
  if (kernel === undefined) return undefined;
  return { action: "boot", kernel, initrds: (entry.get("initrd") ?? "").split(",").filter((item) => item !== ""), append: entry.get("append") ?? "" };
}

/** The answer file's URL in a kernel's arguments: debian-installer's `url=`, Anaconda's `inst.ks=`, of which the last wins. */
export function answerUrl(append: string): string | undefined {
  return append.split(/\s+/).flatMap((item) => /^(?:url|preseed\/url|inst\.ks)=(.*)$/.exec(item)?.[1] ?? []).at(-1);
}
