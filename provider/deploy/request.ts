import type { AgentStatus } from "../model/control";
import type { ServerSpec } from "../model/documents";
import type { Target } from "../model/target";

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
  readonly allowDowngrade?: boolean;
  /** Fingerprint recorded at the first deployment: binds where the target's `hostKey` is `trust-first`. */
  readonly expectedHostKey?: string;
  /** A Linux Node to upload, instead of the npm package and of the target's own: `bin/node`, or a `.tar.gz` with it. */
  readonly node?: { readonly path: string };
  /** A folder with pxe-agent.js and manifest.json, instead of the package's own. */
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
  readonly init: "systemd" | "process";
}

export interface ObserveRequest {
  readonly target: Target;
  readonly controlKey: string;
  readonly expectedHostKey?: string;
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
}

export interface RemoveRequest {
  readonly target: Target;
  readonly owner: string;
  readonly controlKey: string;
  readonly expectedHostKey?: string;
  readonly progress: (line: string) => void;
}
