import { removeLabById } from "../index";
import { endAgent } from "../project";
import { closeSession, localState, sessions } from "./session";

/** Removes what earlier starts left: a lab or a local agent, and the stack. All of it is throw-away: nothing is asked of Pulumi. */
export async function removeSessions(modes: readonly ("lab" | "local")[], say: (line: string) => void): Promise<void> {
  for (const session of sessions().filter((item) => modes.includes(item.mode))) {
    if (session.mode === "local") endAgent(localState(session));
    if (session.labId !== undefined) await removeLabById(session.labId);
    closeSession(session);
    say(`removed what \`npm start${session.mode === "local" ? " -- --local" : ""}\` had left`);
  }
}
