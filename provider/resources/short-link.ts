import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { pxeError } from "../errors";
import { Seen, type Plain, type ResourceDefinition } from "./definition";
import { asSecret } from "./observation";
import { connectionSchema } from "./residence";
import { hasUnknown, isUnknown, unknownValue } from "./unknown";

/** The inputs `connection` and `controlKey`. */
interface WholeLink {
  readonly connection: unknown;
  readonly controlKey: string;
}

/**
 * A resource whose stored inputs say only in short how its agent is reached: in full, with the key encrypted, that takes hundreds
 * of bytes, and every host would have it twice. Its check sees the whole in each run, in the process that then creates or updates
 * it; the outputs hold it for reads and deletes. Inputs that an older version stored stay as they are until something differs.
 */
export function withShortLink(definition: ResourceDefinition): ResourceDefinition {
  const seen = new Map<string, WholeLink>();
  const shortened = (inputs: Plain, olds: Plain): Plain => {
    const { connection, controlKey, ...rest } = inputs;
    if (typeof controlKey !== "string") return inputs;
    if (olds["controlKey"] === controlKey && isDeepStrictEqual(olds["connection"], connection)) return inputs;
    if (hasUnknown(connection) || isUnknown(controlKey)) return "controlKey" in olds ? inputs : { ...rest, link: unknownValue };
    const link = linkOf({ connection, controlKey });
    if (link === undefined) return inputs;
    seen.set(link, { connection, controlKey });
    return { ...rest, link };
  };
  const whole = ({ link, ...inputs }: Plain): Plain => {
    if (link === undefined) return inputs;
    const found = typeof link === "string" ? seen.get(link) : undefined;
    if (found === undefined) throw pxeError("PXE_INTERNAL", "no check of this process has seen how the agent is reached");
    return { ...inputs, ...found };
  };
  return {
    ...definition,
    check(inputs, olds) {
      const checked = definition.check(inputs, olds);
      return { ...checked, inputs: shortened(checked.inputs, olds) };
    },
    ensure: async (inputs, outputs) => guarded(await definition.ensure(whole(inputs), outputs)),
    async observe(outputs) {
      const found = await definition.observe(outputs);
      if (!(found instanceof Seen)) return guarded(found);
      return new Seen(guarded(found.outputs), found.inputs && observed(found.inputs, outputs));
    },
  };
}

/**
 * `10.77.0.1 kX3_9aQz`; undefined where the connection is none. Its second half is no secret: nobody finds 256 random bits by their
 * hash.
 */
function linkOf({ connection, controlKey }: WholeLink): string | undefined {
  // Parsed, the keys have an order of their own, whatever way the object came.
  const known = connectionSchema.safeParse(connection).data;
  if (known === undefined) return undefined;
  const digest = createHash("sha256").update(JSON.stringify([known, controlKey])).digest("base64url").slice(0, 8);
  return `${known.kind === "ssh" ? known.host : known.kind} ${digest}`;
}

/** No input of the name is stored that would make the engine keep it a secret. */
function guarded(outputs: Plain): Plain {
  const { controlKey } = outputs;
  return typeof controlKey === "string" ? { ...outputs, controlKey: asSecret(controlKey) } : outputs;
}

function observed(inputs: Plain, { connection, controlKey }: Plain): Plain {
  const link = typeof controlKey === "string" ? linkOf({ connection, controlKey }) : undefined;
  if (link === undefined) return inputs;
  const { connection: _connection, controlKey: _key, ...rest } = inputs;
  return { ...rest, link };
}
