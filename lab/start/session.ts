import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { endAgent, packageRoot } from "../project";

/** What `npm start` leaves behind so that `npm run lab:down` can remove it. */
export interface Session {
  readonly mode: "lab" | "local";
  /** Pulumi's backend, home and settings; with `local` the agent's files too. */
  readonly folder: string;
  /** The lab, with `lab`. */
  readonly labId?: string;
}

function sessionsFolder(): string {
  const state = process.env["XDG_STATE_HOME"] ?? join(homedir(), ".local", "state");
  return join(state, "pulumi-pxe", "start");
}

function recordOf(session: Session): string {
  return join(sessionsFolder(), `${session.mode}.json`);
}

/** Sessions of this process that are removed with it. */
const unfinished = new Set<Session>();

process.on("exit", () => {
  for (const session of unfinished) {
    if (session.mode === "local") endAgent(localState(session));
    closeSession(session);
  }
});

/** Makes a session's folder, recorded before anything is put there. It is gone when this process ends, unless it is kept. */
export function openSession(mode: Session["mode"], labId?: string): Session {
  // A local agent's socket lies below: a unix socket's path may have 107 bytes, so the folder's must be short.
  const session: Session = { mode, folder: mkdtempSync(join(tmpdir(), "pxe-start-")), ...(labId === undefined ? {} : { labId }) };
  mkdirSync(sessionsFolder(), { recursive: true, mode: 0o700 });
  writeFileSync(recordOf(session), JSON.stringify(session), { mode: 0o600 });
  mkdirSync(join(session.folder, "backend"));
  unfinished.add(session);
  return session;
}

/** Leaves the session as it is for a person to look at, until `npm run lab:down`. */
export function keepSession(session: Session): void {
  unfinished.delete(session);
}

/** Every session that is recorded. */
export function sessions(): Session[] {
  const folder = sessionsFolder();
  if (!existsSync(folder)) return [];
  return readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Session);
}

/** Removes a session's folder and its record. */
export function closeSession(session: Session): void {
  rmSync(session.folder, { recursive: true, force: true });
  rmSync(recordOf(session), { force: true });
}

/** Where a local session's agent keeps its files. */
export function localState(session: Session): string {
  return join(session.folder, "state");
}

/** The environment in which a session's `pulumi` touches nothing but the session. */
export function sessionEnv(session: Session): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: [join(packageRoot, "node_modules", "@pulumi", "pulumi"), process.env["PATH"] ?? ""].join(delimiter),
    PULUMI_BACKEND_URL: `file://${join(session.folder, "backend")}`,
    PULUMI_CONFIG_PASSPHRASE: "lab",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_HOME: join(session.folder, "home"),
    ...(session.mode === "local"
      ? { XDG_STATE_HOME: localState(session), PXE_LOCAL_PROCESS: "1", PXE_SYSLINUX_DIR: join(session.folder, "loader") }
      : {}),
  };
}
