import type { HostStatus } from "../model/control";
import type { Connections, Link } from "./connections";

/** Milliseconds between two looks at one agent, and before the first, so that waits that begin together share it. */
const lookEvery = 2000;
const gatherTime = 50;

interface Agent {
  /** The look that is going to begin, and when. */
  coming: { readonly due: number; readonly look: Promise<readonly HostStatus[]> } | undefined;
  lastTook: number;
}

/**
 * Looks at agents for all the waits of this process: however many wait, one agent is asked once in two seconds. What it tells was
 * asked for after the call, never before, so nobody takes what was so before an order for its result.
 */
export class HostWatch {
  private readonly agents = new Map<string, Agent>();

  constructor(private readonly connections: Connections) {}

  /** @param first whether the caller hasn't looked yet */
  look(link: Link, first: boolean): Promise<readonly HostStatus[]> {
    const key = JSON.stringify([link.connection, link.controlKey]);
    const agent = this.agents.get(key) ?? { coming: undefined, lastTook: 0 };
    this.agents.set(key, agent);
    // An agent that takes long to answer, with thousands of hosts say, is asked less often.
    const wait = first ? gatherTime : Math.max(lookEvery, 5 * agent.lastTook);
    const due = Date.now() + wait;
    if (agent.coming !== undefined && agent.coming.due <= due) return agent.coming.look;
    const coming = { due, look: pause(wait).then(() => this.begin(link, agent, due)) };
    agent.coming = coming;
    return coming.look;
  }

  private async begin(link: Link, agent: Agent, due: number): Promise<readonly HostStatus[]> {
    if (agent.coming?.due === due) agent.coming = undefined;
    const from = Date.now();
    const hosts = await this.connections.using(link, (client) => client.hosts());
    agent.lastTook = Date.now() - from;
    return hosts;
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
