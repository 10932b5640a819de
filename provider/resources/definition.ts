import type { Finding } from "../errors";

/** A JSON object as the engine sends and stores it. */
export type Plain = Readonly<Record<string, unknown>>;

/** The text under a key; empty where there is none. */
export function text(values: Plain, key: string): string {
  const value = values[key];
  return typeof value === "string" ? value : "";
}

/** `db1` from the input `self`, `KickstartHost::db1`. */
export function nameOf(inputs: Plain): string {
  const self = text(inputs, "self");
  return self.slice(self.indexOf("::") + 2);
}

/** What a resource's check made of its inputs. */
export interface CheckedInputs {
  /** The inputs as given, and what was computed from them. */
  readonly inputs: Plain;
  readonly findings: readonly Finding[];
}

/**
 * One kind of resource, free of Pulumi. Outputs are plain JSON and hold all that `observe` and `remove` need, since nothing else
 * reaches them. Errors are PxeErrors.
 */
export interface ResourceDefinition {
  /** What documents and findings call a resource of this kind with these inputs, `host/db1`. */
  label(inputs: Plain): string;
  /** Pure and offline; secrets are plain text here and unknown values their sentinel. */
  check(inputs: Plain, olds: Plain): CheckedInputs;
  /** Properties whose change means another object; undefined: none. */
  replaces(outputs: Plain, inputs: Plain): readonly string[];
  /** Whether what the last operation left must be updated though neither inputs nor observation differ. */
  readonly unsettled?: (outputs: Plain, inputs: Plain) => boolean;
  /**
   * Makes the world as declared, whatever it is now.
   * @param outputs what the last operation returned; undefined on creation
   * @throws PartialFailure where something was made that a later delete must know of
   */
  ensure(inputs: Plain, outputs: Plain | undefined): Promise<Plain>;
  /**
   * What is there now. Never says "gone": a resource that is missing or different has `drift`, a clause for a person, among its
   * outputs, and the next operation mends it. (Gone would mean a new creation, and creations arm machines.)
   * @returns the outputs, alone or as `Seen`
   */
  observe(outputs: Plain): Promise<Plain | Seen>;
  /** Removes it; succeeds where it is missing. */
  remove(outputs: Plain): Promise<void>;
}

/** What was seen of a resource that is not as it was left. */
export class Seen {
  /** @param inputs as if a program had declared what is there; undefined where that can't be told */
  constructor(readonly outputs: Plain, readonly inputs: Plain | undefined) {}
}

/** Part of a creation succeeded: the outputs say what there is to delete. */
export class PartialFailure extends Error {
  override readonly name = "PartialFailure";
  constructor(readonly outputs: Plain, override readonly cause: unknown) {
    super("part of the resource was made");
  }
}

/** Version of the shape of the outputs; every method accepts every older one. Since 2 they repeat what a refresh can't know otherwise of the inputs. */
export const outputsVersion = 2;
