/** What the engine sends in a preview for a value that only the update will know (pulumi/pulumi, sdk/go/common/resource/plugin/rpc.go). */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** What a reader of the plan sees in its place. */
export const knownAfterApply = "‹known after apply›";

export function isUnknown(value: unknown): boolean {
  return value === unknownValue;
}

/** Whether the value is unknown or holds something unknown at any depth. */
export function hasUnknown(value: unknown): boolean {
  if (isUnknown(value)) return true;
  if (Array.isArray(value)) return value.some(hasUnknown);
  return typeof value === "object" && value !== null && Object.values(value).some(hasUnknown);
}

/** The properties that are unknown or hold something unknown. */
export function unknownProperties(values: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(values).filter((key) => hasUnknown(values[key]));
}

/** The value without its unknown parts; undefined if it is unknown itself. */
export function withoutUnknown(value: unknown): unknown {
  if (isUnknown(value)) return undefined;
  if (Array.isArray(value)) return value.map(withoutUnknown).filter((item) => item !== undefined);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, withoutUnknown(item)] as const);
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
}

/** The value with its unknown parts made readable. */
export function showUnknown<T>(value: T): T {
  return show(value) as T;
}

function show(value: unknown): unknown {
  if (isUnknown(value)) return knownAfterApply;
  if (Array.isArray(value)) return value.map(show);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, show(item)]));
}

/** Whether the value at a property path (`pools[0].from`), or anything that it lies in, is unknown. */
export function isUnknownAt(value: unknown, path: string): boolean {
  let current = value;
  if (isUnknown(current)) return true;
  for (const step of path.split(/[.[\]]+/).filter((part) => part !== "")) {
    if (typeof current !== "object" || current === null) return false;
    current = (current as Record<string, unknown>)[step];
    if (isUnknown(current)) return true;
  }
  return false;
}
