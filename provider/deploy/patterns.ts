/** Whether a name matches a pattern of `*` and `?` (ssh_config(5), PATTERNS). */
export function matchesPattern(pattern: string, name: string): boolean {
  return matchesLower(pattern.toLowerCase(), name.toLowerCase());
}

/** One pass with a single way back, to the last `*`: a regular expression takes for ever where there are many. */
function matchesLower(pattern: string, name: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let index = 0; index < name.length; ) {
    const char = pattern[at];
    if (char === "*") {
      star = at++;
      resume = index;
    } else if (char === "?" || char === name[index]) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++resume;
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}

/** Whether a name matches one of the patterns, and none of those that begin with `!`. */
export function matchesPatterns(patterns: readonly string[], name: string): boolean {
  let found = false;
  for (const pattern of patterns) {
    const negated = pattern.startsWith("!");
    if (!matchesPattern(negated ? pattern.slice(1) : pattern, name)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}
