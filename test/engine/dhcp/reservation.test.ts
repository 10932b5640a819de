import assert from "node:assert/strict";
import { test } from "node:test";
import { isReservation } from "../../../provider/engine/dhcp/reservation";
import { activeLease, db1, stranger, World } from "./world";

test("A16 A19 an answer stands in a document if its address is the machine's own, also when it gives back another's", () => {
  const world = new World({ leases: [activeLease("10.77.0.12", db1)] });
  const { state: view } = world.facts();
  const decided = world.discover(db1);
  assert.equal(decided.reply?.packet.yiaddr, "10.77.0.11");
  const back = { type: "lease.put", lease: activeLease("10.77.0.12", db1, { state: "released" }) } as const;
  assert.equal(isReservation({ ...decided, leases: [back] }, view), true);
  const others = { type: "lease.put", lease: activeLease("10.77.0.11", stranger) } as const;
  assert.equal(isReservation({ ...decided, leases: [others] }, view), false);
  assert.equal(isReservation(world.discover(stranger), view), false);
});
