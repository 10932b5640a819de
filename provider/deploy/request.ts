import type { AgentStatus } from "../model/control";
import type { ServerSpec } from "../model/documents";
import type { Target } from "../model/target";
import type { FirewallMode } from "./network";

/** What runs the agent: a systemd service, or nothing but a plain process. */
export type Init = "systemd" | "process";

const changed = Symbol("changedTarget");

/** Whether an error of `ensureAgent` came when something on the target had been changed already, so that a state must tell of it. */
export function changedTarget(error: unknown): boolean {
  return error instanceof Error && changed in error;
}

/** Remembers from when on a target is not what it was any more. */
export class Changes {
  #begun = false;

  begin(): void {
    this.#begun = true;
  }

  /** Marks the errors of `work` that come after the first change (see `changedTarget`). */
  async watch<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (this.#begun && error instanceof Error) Object.defineProperty(error, changed, { value: true, configurable: true });
      throw error;
    }
  }
}

/** What a deployment is told. */
export interface DeployRequest {
  readonly target: Target;
  /** `<pulumi project>/<stack>`: whose control key this is. */
  readonly owner: string;
  /** OpenSSH private key; the target gets its public half. */
  readonly controlKey: string;
  /** Stays valid beside the new one. */
  readonly previousControlKey?: string;
  /** Names the interfaces and ports that the preflight looks at. */
  readonly server: ServerSpec;
  /** What becomes of ports that the target's firewall keeps shut: a refusal, or they are opened. Default: `check`. */
  readonly firewall?: FirewallMode;
  /** What it was at the last deployment. */
  readonly firewallBefore?: FirewallMode;
  /** The server document that will be put: a running agent that would refuse it is left as it is. */
  readonly document?: { readonly name: string };
  /** The owner before a stack or project was renamed: its documents and control key are taken over. */
  readonly previousOwner?: string;
  readonly allowDowngrade?: boolean;
  /** Fingerprint recorded at the first deployment: binds where the target's `hostKey` is `trust-first`. */
  readonly expectedHostKey?: string;
  /** A Linux Node to upload, instead of the npm package and of the target's own: `bin/node`, or a `.tar.gz` with it. */
  readonly node?: { readonly path: string };
  /** A folder with pxe-agent.cjs and manifest.json, instead of the package's own. */
  readonly bundleFolder?: string;
  /** Gets a line for each thing that is done. */
  readonly progress: (line: string) => void;
}

/** What stands on the target now. */
export interface Deployed {
  /** SHA-256 of the agent's bundle. */
  readonly bundle: string;
  readonly agentVersion: string;
  readonly nodeVersion: string;
  readonly nodeSource: "target" | "uploaded";
  /** Fingerprint of the SSH host key that was seen; null for this machine. */
  readonly hostKey: string | null;
  readonly architecture: string;
  readonly init: Init;
}

export interface ObserveRequest {
  readonly target: Target;
  /** Whose control keys are looked at; nobody's without. */
  readonly owner?: string;
  readonly controlKey: string;
  /** Still valid beside it. */
  readonly previousControlKey?: string;
  readonly expectedHostKey?: string;
  /** How the target "local" was deployed to; else what a deployment would choose now. */
  readonly init?: Init;
  /** See `DeployRequest`. */
  readonly bundleFolder?: string;
  /** See `DeployRequest`; without it nothing is said of the target's network settings. */
  readonly server?: ServerSpec;
  readonly firewall?: FirewallMode;
}

/** What was found on a target that could be reached. */
export interface Observed {
  readonly installed: boolean;
  /** Whether the agent answers. */
  readonly running: boolean;
  /** SHA-256 of the running bundle; null when none answers. */
  readonly bundle: string | null;
  readonly version: string | null;
  readonly status: AgentStatus | null;
  /** What a deployment of the bundle that is installed would mend: `the unit /etc/…`. Empty where another bundle is installed. */
  readonly edited: readonly string[];
  /** Fingerprint of the SSH host key that was seen, if one was. */
  readonly hostKey?: string;
}

export interface RemoveRequest {
  readonly target: Target;
  readonly owner: string;
  readonly controlKey: string;
  readonly expectedHostKey?: string;
  /** How the target "local" was deployed to; else what a deployment would choose now. */
  readonly init?: Init;
  /** The server document as this resource left it: where a later or another one of this owner stands, the agent stays. */
  readonly document?: { readonly name: string; readonly rev: number };
  readonly progress: (line: string) => void;
}
