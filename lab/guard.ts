import { spawnSync } from "node:child_process";
import path from "node:path";
import { errorText } from "../provider/errors";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Takes a lab down when its owning process ends, however it ends short of SIGKILL (which `sweep` is for). Returns a function
 * that withdraws the guard.
 */
export function guardLab(id: string, down: () => Promise<void>): () => void {
  // At `exit` nothing asynchronous runs any more: a child does the work while this process waits for it.
  const atExit = (): void => {
    spawnSync(process.execPath, [path.join(__dirname, "reaper.js"), id], { stdio: ["ignore", "inherit", "inherit"], timeout: 60_000 });
  };
  const atSignal = (name: NodeJS.Signals): void => {
    const finish = (): void => {
      withdraw();
      // Other labs of this process stand guard too: the last one to finish lets the signal do its work.
      if (process.listenerCount(name) === 0) process.kill(process.pid, name);
    };
    down().then(finish, (error: unknown) => {
      process.stderr.write(`${errorText(error)}\n`);
      finish();
    });
  };
  const withdraw = (): void => {
    process.off("exit", atExit);
    for (const name of signals) process.off(name, atSignal);
  };
  process.on("exit", atExit);
  for (const name of signals) process.on(name, atSignal);
  return withdraw;
}
