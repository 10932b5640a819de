import type { Target } from "../model/target";

/** What a bastion's credential is where it was given as text: it stands in its PxeServer's state and nowhere else. */
export interface JumpSecret {
  readonly privateKey?: string;
  readonly password?: string;
}

/** Which bastion is meant: the target that it leads to, and which of its hops it is. */
export interface JumpPlace {
  readonly target: string;
  readonly index: number;
  readonly host: string;
}

/** Those of this process. */
const known = new Map<string, JumpSecret>();
const waiting = new Set<() => void>();
/** An operation without the server doesn't wait anew for each of a thousand hosts. */
const waitedInVain = new Set<string>();

/** Milliseconds that a resource waits for its server to be looked at: a refresh reads both at the same time. */
const patience = 5000;

const keyOf = ({ target, index, host }: JumpPlace): string => JSON.stringify([target, index, host]);

/** Makes a target's bastion credentials known to the resources that belong to it, in this process alone. Loads no SSH library. */
export function rememberJumpSecrets(target: Target): void {
  if (target === "local") return;
  for (const [index, { host, privateKey, password }] of (target.proxyJump ?? []).entries()) {
    if (privateKey === undefined && password === undefined) continue;
    const secret = { ...(privateKey === undefined ? {} : { privateKey }), ...(password === undefined ? {} : { password }) };
    known.set(keyOf({ target: target.host, index, host }), secret);
  }
  for (const wake of waiting) wake();
}

/** The credential of a bastion, waited for a little where its server has not been looked at yet; undefined where it stays unknown. */
export async function jumpSecret(place: JumpPlace, wait = patience): Promise<JumpSecret | undefined> {
  const key = keyOf(place);
  const found = known.get(key);
  if (found !== undefined || waitedInVain.has(key) || wait === 0) return found;
  await new Promise<void>((resolve) => {
    const wake = (): void => {
      if (known.has(key)) done();
    };
    const done = (): void => {
      clearTimeout(timer);
      waiting.delete(wake);
      resolve();
    };
    const timer = setTimeout(done, wait);
    waiting.add(wake);
  });
  if (!known.has(key)) waitedInVain.add(key);
  return known.get(key);
}
