import { PxeError, type ErrorCode } from "../errors";
import type { HostStatus } from "../model/control";
import type { Cancellation } from "./cancellation";
import type { Connections } from "./connections";
import { nameOf, outputsVersion, PartialFailure, type Plain, type ResourceDefinition } from "./definition";
import { Waiting } from "./wait-hosts";
import { recordedHostKeys, waitedFor, waitFindings, waitOf, type Wait } from "./wait-inputs";
import { knownHosts } from "./wait-known-hosts";
import { HostWatch } from "./wait-watch";

/** Codes that say "the target answers, its agent doesn't": its server's refresh tells that, and the next `up` mends it. */
const agentGone: readonly ErrorCode[] = ["PXE_AGENT_UNREACHABLE", "PXE_CONTROL_KEY_REFUSED"];

/** InstallWait: ends when all its hosts are installed. It changes nothing, wherever it is interrupted. */
export function waitResource(connections: Connections, cancellation: Cancellation): ResourceDefinition {
  const watch = new HostWatch(connections);
  return {
    label: (inputs) => `wait/${nameOf(inputs)}`,
    check: (inputs) => ({ inputs, findings: waitFindings(inputs) }),
    replaces: () => [],
    async ensure(inputs, outputs) {
      const wait = waitOf(inputs, outputs);
      const hostKeys = recordedHostKeys(wait.servers, (server) => connections.expectedHostKey(server));
      const own = ownOutputs(wait, inputs, hostKeys);
      const waiting = new Waiting(wait, watch, (line) => { console.log(line); });
      try {
        const hosts = await waiting.end(cancellation.signal);
        return { ...own, ...told(wait, hosts) };
      } catch (error) {
        // Kept in the state, so that the next `up` goes on waiting where the program no longer asks for anything new.
        throw new PartialFailure({ ...own, ...told(wait, waiting.seen()) }, error);
      }
    },
    async observe(outputs) {
      const wait = waitedFor(outputs);
      if (wait === undefined) return outputs;
      const looks = await Promise.all(wait.servers.map(async (server) => {
        try {
          const { hosts } = await connections.snapshot(server);
          return hosts.filter((host) => host.declared && host.owner === wait.owner && server.hosts.includes(host.name));
        } catch (error) {
          if (error instanceof PxeError && agentGone.includes(error.code)) return undefined;
          throw error;
        }
      }));
      return looks.includes(undefined) ? outputs : { ...outputs, ...told(wait, looks.flatMap((hosts) => hosts ?? [])) };
    },
    remove: () => Promise.resolve(),
  };
}

/** What a later refresh must find; `servers` and `controlKeys` under the names of their inputs, so that secrets stay secret. */
function ownOutputs({ owner, name }: Wait, inputs: Plain, hostKeys: Readonly<Record<string, string>>): Plain {
  const { servers, controlKeys } = inputs;
  return { schemaVersion: outputsVersion, owner, name, servers, controlKeys, ...(Object.keys(hostKeys).length === 0 ? {} : { hostKeys }) };
}

function told(wait: Pick<Wait, "servers">, statuses: readonly HostStatus[]): Plain {
  const names = wait.servers.flatMap((server) => server.hosts);
  const ordered = names.flatMap((name) => statuses.find((status) => status.name === name) ?? []);
  const hosts = ordered.map(({ name, state, address, installedAt, sshHostKeys }) => [name, { state, address, installedAt, sshHostKeys }] as const);
  return { hosts: Object.fromEntries(hosts), sshHostKeys: ordered.flatMap(knownHosts) };
}
