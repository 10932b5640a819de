import { errorText, findingText, PxeError } from "../errors";
import { PartialFailure, Seen, type Plain, type ResourceDefinition } from "./definition";

/** The part of Pulumi's dynamic `ResourceProvider` that is used. */
export interface DynamicProvider {
  check(olds: Plain, news: Plain): Promise<{ inputs: Plain; failures: { property: string; reason: string }[] }>;
  diff(id: string, olds: Plain, news: Plain): Promise<{ changes?: boolean; replaces?: string[] }>;
  create(inputs: Plain): Promise<{ id: string; outs: Plain }>;
  update(id: string, olds: Plain, news: Plain): Promise<{ outs: Plain }>;
  read(id: string, props: Plain): Promise<{ id: string; props: Plain; inputs?: Plain }>;
  delete(id: string, props: Plain): Promise<void>;
}

/** Pulumi's side of a resource: it translates and decides nothing. */
export function adapt(definition: ResourceDefinition): DynamicProvider {
  return {
    check: (olds, news) =>
      told(() => {
        const { inputs, findings } = definition.check(withoutProvider(news), withoutProvider(olds));
        // No `property`: the engine would print that property's value beside it, secret or not. The reason names its path.
        return { inputs: { ...inputs }, failures: findings.map((item) => ({ property: "", reason: findingText(item) })) };
      }),
    diff: (_id, olds, news) =>
      told(() => {
        const replaces = [...definition.replaces(olds, news)];
        // Without `changes` the engine compares the inputs itself, and draws them.
        const changed = typeof olds["drift"] === "string" || definition.unsettled?.(olds, news) === true;
        return changed ? { changes: true, replaces } : { replaces };
      }),
    create: (inputs) =>
      told(async () => {
        const id = definition.label(inputs);
        return { id, outs: await definition.ensure(withoutProvider(inputs), undefined).catch((error: unknown) => initFailed(error, id, inputs)) };
      }),
    update: (id, olds, news) =>
      told(async () => ({
        outs: await definition.ensure(withoutProvider(news), withoutProvider(olds)).catch((error: unknown) => initFailed(error, id, news)),
      })),
    read: (id, props) =>
      told(async () => {
        const seen = await definition.observe(withoutProvider(props));
        if (!(seen instanceof Seen)) return { id, props: { ...seen } };
        return { id, props: { ...seen.outputs }, ...(seen.inputs === undefined ? {} : { inputs: { ...seen.inputs } }) };
      }),
    delete: (_id, props) => told(() => definition.remove(withoutProvider(props))),
  };
}

function withoutProvider(value: Plain): Plain {
  const { __provider: _text, ...rest } = value;
  return rest;
}

/** The engine's form of "created, but not whole": the state is kept and the next operation goes on from it. */
function initFailed(error: unknown, id: string, inputs: Plain): never {
  if (!(error instanceof PartialFailure)) throw error;
  const reason = errorText(error.cause);
  throw Object.assign(new Error(reason), { id, properties: { ...inputs, ...error.outputs }, reasons: [reason] });
}

/** Findings are the whole message: a stack would only bury them. */
async function told<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PxeError)) throw error;
    const plain = new Error(error.message);
    plain.stack = "";
    throw plain;
  }
}
