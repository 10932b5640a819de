import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import type { Plain } from "../../provider/resources/definition";
import { FakeDeploy } from "../support/fake-deploy";
import { groupInputs, hostInputs, InstallerFiles, Operation, serverInputs, subnetInputs } from "../support/operation";

let files: InstallerFiles;

before(() => {
  files = new InstallerFiles();
});
after(() => {
  files.remove();
});

/** How one machine is declared in one run. */
interface Shape {
  readonly place: "nowhere" | "own" | "rack" | "row";
  readonly reinstall: "" | "1" | "2" | "3";
  readonly install: "" | "once" | "never";
  readonly renamed: boolean;
}

interface Step {
  readonly hosts: readonly Shape[];
  /** Whether each resource is made before the next is checked, as with `--parallel 1`. */
  readonly oneByOne: boolean;
  readonly reversed: boolean;
  /** How many operations end before the process is killed. */
  readonly killedAfter: number;
  readonly saysNothingOfTheLast: boolean;
  readonly before: "nothing" | "refresh" | "all are installed" | "a document is removed" | "the agent forgets" | "the state is lost" | "an old state comes back";
}

interface Left {
  readonly inputs: Plain;
  readonly outs: Plain;
}
type State = Map<string, Left>;

const shape = fc.record<Shape>({
  place: fc.constantFrom("nowhere", "own", "rack", "row"), reinstall: fc.constantFrom("", "1", "2", "3"), install: fc.constantFrom("", "", "once", "never"), renamed: fc.boolean(),
});
const step = fc.record<Step>({
  hosts: fc.tuple(shape, shape), oneByOne: fc.boolean(), reversed: fc.boolean(), killedAfter: fc.constantFrom(0, 1, 2, 99, 99, 99), saysNothingOfTheLast: fc.boolean(),
  before: fc.constantFrom("nothing", "nothing", "refresh", "all are installed", "a document is removed", "the agent forgets", "the state is lost", "an old state comes back"),
});

/** The program's resources, by their types and names. */
function program(hosts: readonly Shape[]): Map<string, Plain> {
  const declared = hosts.map(({ place, reinstall, install, renamed }, index) => {
    const own: Plain = { macs: [`52:54:00:00:00:0${String(index)}`], ip: `10.77.0.1${String(index)}`, ...(reinstall === "" ? {} : { reinstall }), ...(install === "" ? {} : { install }) };
    return { place, name: renamed ? `web${String(index)}` : `db${String(index)}`, own };
  });
  const single = declared.filter((host) => host.place === "own").map(({ name, own }) => [`host ${name}`, hostInputs(name, own)] as const);
  const groups = (["rack", "row"] as const).flatMap((place) => {
    const inside = declared.filter((host) => host.place === place);
    return inside.length === 0 ? [] : [[`group ${place}`, groupInputs(Object.fromEntries(inside.map(({ name, own }) => [name, own])), { self: `KickstartHostGroup::${place}` })] as const];
  });
  return new Map([...single, ...groups]);
}

const kindOf = (id: string): "host" | "group" => (id.startsWith("host") ? "host" : "group");

/** What a plan shows: all of what is new, and of an update what has changed. */
function shownOrders(id: string, olds: Plain | undefined, inputs: Plain): string[] {
  const orders = (values: Plain | undefined): Record<string, unknown> => {
    const arming = values?.["arming"];
    return kindOf(id) === "group" ? { ...(arming as object | undefined) } : { [id.slice(5)]: arming };
  };
  const old = orders(olds);
  return Object.entries(orders(inputs)).filter(([name, text]) => text !== old[name] && /^WILL INSTALL/.test(String(text))).map(([name]) => name);
}

class Story {
  readonly deploy = new FakeDeploy();
  private state: State = new Map();
  private old: State = new Map();

  async run(steps: readonly Step[]): Promise<void> {
    for (const item of steps) {
      await this.happens(item.before);
      const was = new Map(this.state);
      await this.up(item);
      this.old = was;
    }
  }

  private async happens(what: Step["before"]): Promise<void> {
    const { deploy } = this;
    switch (what) {
      case "nothing":
        return;
      case "refresh": {
        const { provider } = await this.process();
        for (const [id, left] of this.state) {
          const seen = await provider[kindOf(id)].read(id, left.outs);
          this.state.set(id, { inputs: seen.inputs ?? left.inputs, outs: seen.props });
        }
        return;
      }
      case "all are installed":
        deploy.facts = deploy.facts.map((facts) => ({ ...facts, state: "installed", installedAt: 2000, token: null }));
        return;
      case "a document is removed":
        deploy.documents = deploy.documents.filter((doc) => doc !== deploy.documents.find((other) => other.kind === "host"));
        return;
      case "the agent forgets":
        deploy.documents = deploy.documents.filter((doc) => doc.kind !== "host");
        deploy.facts = [];
        return;
      case "the state is lost":
        this.state = new Map();
        return;
      case "an old state comes back":
        this.state = new Map(this.old);
    }
  }

  private async process(): Promise<Operation> {
    const run = new Operation(this.deploy);
    await run.accepted("server", serverInputs());
    await run.created("subnet", subnetInputs());
    await run.created("profile", files.profile());
    return run;
  }

  private async up({ hosts, oneByOne, reversed, killedAfter, saysNothingOfTheLast }: Step): Promise<void> {
    const { provider } = await this.process();
    const wanted = reversed ? [...program(hosts)].reverse() : [...program(hosts)];
    const works: (() => Promise<void>)[] = [];
    let left = killedAfter;
    for (const [id, given] of wanted) {
      const before = this.state.get(id);
      const checked = await provider[kindOf(id)].check(before?.inputs ?? {}, given);
      assert.deepEqual(checked.failures, []);
      const work = async (): Promise<void> => {
        if (left < 0) return;
        const tokens = new Set(this.deploy.facts.map((facts) => facts.token));
        const { changes } = before === undefined ? { changes: true } : await provider[kindOf(id)].diff(id, before.outs, checked.inputs);
        if (changes !== true && isDeepStrictEqual(before?.inputs, checked.inputs)) return;
        left--;
        if (left < 0 && !saysNothingOfTheLast) return;
        const { outs } = before === undefined ? await provider[kindOf(id)].create(checked.inputs) : await provider[kindOf(id)].update(id, before.outs, checked.inputs);
        const armed = this.deploy.facts.filter((facts) => facts.state === "armed" && !tokens.has(facts.token)).map((facts) => facts.name);
        const shown = shownOrders(id, before?.inputs, checked.inputs);
        for (const name of armed) assert.ok(shown.includes(name), `${id} arms ${name}, and the plan shows ${JSON.stringify(shown)}`);
        // Killed between the push and the state that is saved: the next run knows nothing of it.
        if (left >= 0) this.state.set(id, { inputs: checked.inputs, outs: JSON.parse(JSON.stringify(outs)) as Plain });
      };
      if (oneByOne) await work();
      else works.push(work);
    }
    for (const work of works) await work();
    if (left < 0) return;
    for (const [id, { outs }] of [...this.state].filter(([known]) => !program(hosts).has(known))) {
      await provider[kindOf(id)].delete(id, outs);
      this.state.delete(id);
    }
  }
}

describe("whatever happens to programs, states, agents and machines", () => {
  test("property: nothing is armed that the plan of the very run doesn't show", async (t) => {
    t.mock.method(console, "warn", () => undefined);
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      await new Story().run(steps);
    }), { numRuns: 60 });
  });
});
