import { userInfo } from "node:os";
import { matchesPatterns } from "./patterns";

/** What a configuration is asked about. */
export interface Asked {
  /** The name as it was given. */
  readonly host: string;
  /** Whom the connection logs in as, where that is given. */
  readonly user?: string | undefined;
  /** Whom it logs in as where neither that nor the configuration says. */
  readonly defaultUser: string;
}

export interface Verdict {
  readonly verdict: boolean;
  /** The criterion that can't be judged, where all the others hold. */
  readonly undecided?: string;
  /** Whether it asks for a second reading. */
  readonly asksFinal: boolean;
}

type Value = string | readonly (string | { readonly val: string })[];

/** Judges the criteria of a Match block (ssh_config(5)) by what was found so far. Commands (`exec`) are never run. */
export function judgeCriteria(
  criteria: Readonly<Record<string, Value>>, asked: Asked, found: { readonly hostName?: string; readonly user?: string }, final: boolean,
): Verdict {
  let undecided: string | undefined;
  let asksFinal = false;
  for (const [written, value] of Object.entries(criteria)) {
    const negated = written.startsWith("!");
    const name = (negated ? written.slice(1) : written).toLowerCase();
    if (name === "final") asksFinal = true;
    const holds = criterion(name, patternsOf(value), asked, found, final);
    if (holds === undefined) undecided ??= written;
    else if (holds === negated) return { verdict: false, asksFinal };
  }
  return undecided === undefined ? { verdict: true, asksFinal } : { verdict: false, undecided, asksFinal };
}

function criterion(name: string, patterns: string[], asked: Asked, found: { readonly hostName?: string; readonly user?: string }, final: boolean): boolean | undefined {
  switch (name) {
    case "all":
      return true;
    case "final":
      return final;
    case "canonical":
      return false;
    case "host":
      return matchesPatterns(patterns, found.hostName?.replaceAll("%h", asked.host) ?? asked.host);
    case "originalhost":
      return matchesPatterns(patterns, asked.host);
    case "user":
      return matchesPatterns(patterns, asked.user ?? found.user ?? asked.defaultUser);
    case "localuser":
      return matchesPatterns(patterns, localUser());
    default:
      return undefined;
  }
}

function patternsOf(value: Value): string[] {
  const texts = typeof value === "string" ? [value] : value.map((item) => (typeof item === "string" ? item : item.val));
  return texts.flatMap((text) => text.split(","));
}

/** The operator's own name, as ssh takes it; some containers have none. */
export function localUser(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env["USER"] ?? "root";
  }
}
