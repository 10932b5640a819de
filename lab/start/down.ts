import { removeLabById } from "../index";
import { Stack } from "./pulumi";
import { closeSession, sessions } from "./session";

/** Removes what earlier starts left: a lab as a whole, a local agent by its stack's own `destroy`. */
export async function removeSessions(modes: readonly ("lab" | "local")[], say: (line: string) => void): Promise<void> {
  for (const session of sessions().filter((item) => modes.includes(item.mode))) {
    if (session.mode === "local") await new Stack(session).destroy();
    if (session.labId !== undefined) await removeLabById(session.labId);
    closeSession(session);
    say(`removed what \`npm start${session.mode === "local" ? " -- --local" : ""}\` had left`);
  }
}
