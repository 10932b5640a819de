import { localIsSystem } from "../deploy/local-paths";
import { agentBundle } from "../deploy/payload";
import { expectHostKey } from "../deploy/trusted-keys";
import type { DeployPort } from "./ports";

/* eslint-disable @typescript-eslint/no-require-imports --
   An operation that changes nothing never reaches a target: it must not pay for loading ssh2. */
const agent = (): typeof import("../deploy/agent") => require("../deploy/agent") as typeof import("../deploy/agent");
const control = (): typeof import("../deploy/control") => require("../deploy/control") as typeof import("../deploy/control");
const keys = (): typeof import("../deploy/keys") => require("../deploy/keys") as typeof import("../deploy/keys");
/* eslint-enable @typescript-eslint/no-require-imports */

/** The real thing: `provider/deploy`, loaded when it is first needed. */
export const deployment: DeployPort = {
  ensureAgent: (request) => agent().ensureAgent(request),
  observeAgent: (request) => agent().observeAgent(request),
  removeAgent: (request) => agent().removeAgent(request),
  async controlClient(connection, controlKey, expectedHostKey) {
    if (connection.kind === "ssh" && expectedHostKey !== undefined) expectHostKey(connection.host, connection.port, expectedHostKey);
    return control().controlClient(connection, controlKey);
  },
  generateControlKey: () => keys().generateControlKey(),
  localInit: () => (localIsSystem() ? "systemd" : "process"),
  bundled() {
    const { sha256, version } = agentBundle();
    return { bundle: sha256, version };
  },
};
