import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import type { Directive, Line, Match, Section } from "ssh-config";
import { errorText, pxeError } from "../errors";
import { expandGlob, expandHome } from "./paths";
import { matchesPatterns } from "./patterns";
import { judgeCriteria, type Asked } from "./ssh-match";

/** What the operator's SSH configuration says of a host, as far as it is followed here. Tokens like `%h` are not replaced yet. */
export interface HostConfig {
  readonly hostName?: string;
  readonly port?: string;
  readonly user?: string;
  readonly identityFiles: readonly string[];
  readonly identitiesOnly?: string;
  readonly identityAgent?: string;
  readonly proxyJump?: string;
  readonly proxyCommand?: string;
  readonly hostKeyAlias?: string;
  readonly userKnownHostsFile?: readonly string[];
}

/** Directives of which the first value holds. */
const single = {
  hostname: "hostName", port: "port", user: "user", identitiesonly: "identitiesOnly", identityagent: "identityAgent",
  proxyjump: "proxyJump", proxycommand: "proxyCommand", hostkeyalias: "hostKeyAlias",
} as const;
const isSingle = (name: string): name is keyof typeof single => Object.hasOwn(single, name);

/** The configuration files that hold, the first value found in them before the later ones. */
function configFiles(env: NodeJS.ProcessEnv): string[] {
  const given = env["PXE_SSH_CONFIG"];
  if (given === "none") return [];
  return given === undefined || given === "" ? [join(homedir(), ".ssh", "config"), "/etc/ssh/ssh_config"] : [expandHome(given)];
}

/**
 * Looks a host up in ~/.ssh/config and /etc/ssh/ssh_config, as ssh(1) does, or in the file that PXE_SSH_CONFIG names (`none`: in
 * none).
 * @param user whom the connection logs in as, where that is given
 * @param note gets a line for each block that can't be judged here and might matter
 * @throws PXE_INPUT_INVALID for a file that can't be read
 */
export function lookUpHost(asked: Asked, env: NodeJS.ProcessEnv, note: (line: string) => void): HostConfig {
  const files = configFiles(env);
  const given = env["PXE_SSH_CONFIG"] ?? "";
  const present = files.filter((path) => given !== "" || existsSync(path));
  const reader = new Reader(asked, note);
  for (const path of present) reader.file(path, 0);
  // `Match final` asks for a second reading, with what the first one found (ssh_config(5)).
  if (reader.asksAgain()) for (const path of present) reader.file(path, 0);
  return reader.found;
}

class Reader {
  readonly found: { -readonly [K in keyof HostConfig]: HostConfig[K] } & { identityFiles: string[] } = { identityFiles: [] };
  #final = false;
  #finalAsked = false;

  constructor(
    readonly asked: Asked,
    readonly note: (line: string) => void,
  ) {}

  asksAgain(): boolean {
    this.#final = true;
    return this.#finalAsked;
  }

  file(path: string, depth: number): void {
    for (const line of parsed(path)) this.#line(line, path, depth);
  }

  #line(line: Line, path: string, depth: number): void {
    if (!("param" in line)) return;
    const name = line.param.toLowerCase();
    if ("config" in line) {
      if (name === "host" ? matchesPatterns(words(line), this.asked.host) : this.#matches(line as Match, path)) {
        for (const inner of line.config) this.#line(inner, path, depth);
      }
    } else if (name === "include") {
      for (const file of words(line).flatMap((pattern) => included(pattern, path))) {
        if (depth >= 16) throw pxeError("PXE_INPUT_INVALID", `${path}: Include is nested more than 16 deep`);
        this.file(file, depth + 1);
      }
    } else {
      this.#set(name, line);
    }
  }

  #set(name: string, line: Directive): void {
    const values = words(line);
    const text = typeof line.value === "string" ? line.value.trim() : values.join(" ");
    if (text === "") return;
    if (name === "identityfile") {
      if (!this.found.identityFiles.includes(text)) this.found.identityFiles.push(text);
    } else if (name === "userknownhostsfile") this.found.userKnownHostsFile ??= values;
    else if (isSingle(name)) this.found[single[name]] ??= text;
  }

  #matches(section: Match, path: string): boolean {
    const { verdict, undecided, asksFinal } = judgeCriteria(section.criteria, this.asked, this.found, this.#final);
    if (asksFinal) this.#finalAsked = true;
    if (undecided !== undefined && section.config.some(matters)) {
      this.note(`${path}: passed over "Match ${words(section).join(" ")}" for ${this.asked.host}: ${undecided} is not judged here`);
    }
    return verdict;
  }
}

function matters(line: Line): boolean {
  if (!("param" in line)) return false;
  const name = line.param.toLowerCase();
  return isSingle(name) || ["identityfile", "userknownhostsfile", "include"].includes(name);
}

function words(line: Directive | Section): string[] {
  const values = typeof line.value === "string" ? [line.value] : line.value.map(({ val }) => val);
  return values.map((value) => value.trim()).filter((value) => value !== "");
}

/** What an Include names; relative paths start in the user's folder, in the system's own file in the system's (ssh_config(5)). */
function included(pattern: string, from: string): string[] {
  const path = expandHome(pattern);
  const base = from.startsWith("/etc/ssh/") ? dirname("/etc/ssh/ssh_config") : join(homedir(), ".ssh");
  return expandGlob(isAbsolute(path) ? path : join(base, path));
}

function parsed(path: string): readonly Line[] {
  try {
    // Loaded only where a configuration is read: an operation that changes nothing connects nowhere.
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const { parse } = require("ssh-config") as typeof import("ssh-config");
    return parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw pxeError("PXE_INPUT_INVALID", `the SSH configuration ${path} can't be read: ${errorText(cause)}`, {
      fix: "Correct the file, or name another one in PXE_SSH_CONFIG (`none`: none is read).",
      cause,
    });
  }
}
