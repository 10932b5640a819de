import { asSecret } from "./observation";
import { text, type Plain } from "./definition";
import { isUnknown, unknownValue } from "./unknown";

/** What the input `keyRotation` says until the update after a rotation takes it away, and the previous key with it. */
export const rotating = "the previous control key works until the next update";

/**
 * The control key that a server's check adds to its inputs: made once and kept, and made anew where `controlKeyRotation` has a
 * text that it didn't have. (A key that `create` made would be unknown in each preview of a server's update, and every host
 * would show a change.)
 */
export function controlKeyInputs(inputs: Plain, olds: Plain, generate: () => string): Plain {
  const known = [text(inputs, "controlKey"), text(olds, "controlKey")].find((key) => key !== "" && !isUnknown(key));
  const asked = inputs["controlKeyRotation"];
  if (known === undefined) return { controlKey: generate() };
  if (isUnknown(asked)) return { controlKey: unknownValue };
  if (typeof asked !== "string" || asked === olds["controlKeyRotation"]) return { controlKey: known };
  return { controlKey: generate(), keyRotation: rotating };
}

/** The key before this one, as long as it is still let in: what the rest of a state still holds goes on working. */
export function previousKey(outputs: Plain): { readonly previousControlKey?: string } {
  const key = text(outputs, "previousControlKey");
  return key === "" || key === text(outputs, "controlKey") ? {} : { previousControlKey: key };
}

/** The outputs after an update from a state with the key `before` to the key `now`. */
export function keyOutputs(before: string, now: string): Plain {
  return before === "" || before === now ? {} : { previousControlKey: asSecret(before) };
}

/** A rotation that was broken off has let both keys in, and its inputs are forgotten: the key before still has to go. */
export function hasOldKey(outputs: Plain, inputs: Plain): boolean {
  return previousKey(outputs).previousControlKey !== undefined && inputs["keyRotation"] === undefined;
}
