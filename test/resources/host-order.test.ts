import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Plain } from "../../provider/resources/definition";
import type { HostMemory } from "../../provider/resources/host-declaration";
import { armingFor, plannedOrder } from "../../provider/resources/host-order";
import { unknownValue } from "../../provider/resources/unknown";

const first = "WILL INSTALL at its next network boot: first declaration; may erase its disk (an agent that knows the machine ignores it)";

/** What the next run knows, of inputs that a check has made. */
function memory(values: Plain, order: Plain = {}): HostMemory {
  return { values, rendered: undefined, arming: order["arming"], generations: order["generations"] };
}

describe("what a plan tells of orders to install", () => {
  test("a first declaration, and nothing new afterwards", () => {
    const order = plannedOrder({}, undefined);
    assert.deepEqual(order, { arming: first, isNew: true });
    assert.deepEqual(plannedOrder({ ip: "10.77.0.9" }, memory({}, { ...order })), { arming: first, isNew: false });
  });

  test("nothing where a host only boots from its disk", () => {
    assert.deepEqual(plannedOrder({ install: "never" }, undefined), { isNew: false });
    assert.deepEqual(plannedOrder({ install: "never" }, memory({}, { arming: first })), { isNew: false });
  });

  test("a reinstall text that is new, and one that was used", () => {
    const one = plannedOrder({ reinstall: "1" }, memory({}, { arming: first }));
    assert.deepEqual(one, { arming: 'WILL INSTALL AGAIN at its next network boot: reinstall "1"; may erase its disk', generations: ["1"], isNew: true });
    const two = plannedOrder({ reinstall: "2" }, memory({ reinstall: "1" }, { ...one }));
    assert.deepEqual(two.generations, ["1", "2"]);
    const back = plannedOrder({ reinstall: "1" }, memory({ reinstall: "2" }, { ...two }));
    assert.deepEqual(back, { arming: 'installs nothing: reinstall "1" was used before', generations: ["1", "2"], isNew: false });
    assert.deepEqual(plannedOrder({}, memory({ reinstall: "1" }, { ...back })), back, "to take it away orders nothing");
  });

  test("nothing in states of older versions until something is ordered", () => {
    assert.deepEqual(plannedOrder({ reinstall: "1" }, memory({ reinstall: "1" })), { isNew: false });
    assert.deepEqual(plannedOrder({ reinstall: "2" }, memory({ reinstall: "1" })).generations, ["1", "2"]);
  });

  test("that a text can't be known yet", () => {
    const order = plannedOrder({ reinstall: unknownValue }, memory({}));
    assert.match(order.arming ?? "", /^MAY INSTALL AGAIN .*‹known after apply›/);
    assert.equal(order.isNew, true);
  });

  test("property: the plan says that a machine will be installed exactly when the order is sent", () => {
    const step = fc.record({ reinstall: fc.option(fc.constantFrom("a", "b", "c"), { nil: undefined }) });
    fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => {
      let known: HostMemory | undefined;
      let outputs: Plain | undefined;
      for (const { reinstall } of steps) {
        const values = reinstall === undefined ? {} : { reinstall };
        const order = plannedOrder(values, known);
        const sent = armingFor("db1", values, outputs);
        assert.equal(order.isNew, sent.length > 0);
        // The agent uses up every text that it is sent.
        const consumed = [...((outputs?.["consumed"] ?? []) as string[]), ...sent.flatMap((arming) => arming.generation ?? [])];
        outputs = { ...values, consumed };
        known = memory(values, { ...order });
      }
    }));
  });

  test("property: an update that is killed after its push and replayed sends a text that the agent has used up, or nothing", () => {
    fc.assert(fc.property(fc.constantFrom("a", "b"), fc.constantFrom("a", "b", undefined), fc.boolean(), (asked, before, refreshed) => {
      const consumed = new Set<string>(before === undefined ? [] : [before]);
      const outputs: Plain = { ...(before === undefined ? {} : { reinstall: before }), consumed: [...consumed] };
      let armed = 0;
      const push = (state: Plain): void => {
        for (const { generation } of armingFor("db1", { reinstall: asked }, state)) {
          if (generation === undefined || consumed.has(generation)) continue;
          consumed.add(generation);
          armed++;
        }
      };
      push(outputs);
      push(refreshed ? { ...outputs, consumed: [...consumed] } : outputs);
      assert.equal(armed, asked === before ? 0 : 1);
    }));
  });
});
