import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { contains, ipv4, network } from "../../../provider/model/ip";
import { messageTypes, options, readOption } from "../../../provider/wire/dhcp";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { db1, replyOf, World } from "./world";

const poolSize = 6;
const documents = [
  serverDocument(), subnetDocument({ pools: [{ from: "10.77.0.9", to: "10.77.0.15" }], leaseTime: 600 }), profileDocument(), hostDocument(),
];
const clients = [db1, ...Array.from({ length: 9 }, (_, index) => `52:54:00:aa:00:0${String(index)}`)];

type Step = readonly ["discover" | "select" | "reboot" | "extend" | "release" | "decline" | "wait" | "restart", number, number];
const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom("discover", "select", "select", "reboot", "extend", "release", "decline", "wait", "restart"),
  fc.nat(clients.length - 1),
  fc.integer({ min: 8, max: 17 }),
);

/** What the clients believe: who may use which address until when. */
class Believed {
  readonly held = new Map<string, { readonly mac: string; readonly until: number }>();

  acknowledged(mac: string, address: string, until: number, now: number): void {
    const other = this.held.get(address);
    assert.ok(other === undefined || other.mac === mac || other.until <= now, `${address} was given to ${mac} while ${String(other?.mac)} has it`);
    for (const [own, holder] of this.held) if (holder.mac === mac) this.held.delete(own);
    this.held.set(address, { mac, until });
  }
}

function run(steps: readonly Step[]): void {
  const world = new World({ documents });
  const believed = new Believed();
  for (const [kind, client, last] of steps) {
    const mac = clients[client] ?? db1;
    const address = `10.77.0.${String(last)}`;
    if (kind === "wait") {
      world.now += last * 20_000;
      continue;
    }
    if (kind === "restart") {
      world.restart();
      continue;
    }
    const own = [...believed.held].find(([, holder]) => holder.mac === mac)?.[0];
    const target = kind === "release" || kind === "decline" || kind === "extend" ? own ?? address : address;
    const decision = kind === "discover" ? world.discover(mac)
      : kind === "select" ? world.select(mac, replyable(world, mac) ?? address)
      : world[kind](mac, target);
    if (kind === "release" || kind === "decline") believed.held.delete(target);
    const reply = decision.reply?.packet;
    if (reply === undefined || reply.yiaddr === "0.0.0.0") continue;
    assertFits(reply.yiaddr, mac);
    if (readOption(reply.options, options.messageType) === messageTypes.ack) {
      believed.acknowledged(mac, reply.yiaddr, world.now + 600_000, world.now);
    }
  }
  assertNoLeak(world);
}

/** The address of the offer that the client has, which it would ask for. */
function replyable(world: World, mac: string): string | undefined {
  return world.leases.offerTo(`mac ${mac}`, world.now)?.address;
}

function assertFits(address: string, mac: string): void {
  const value = ipv4(address);
  assert.ok(contains(network("10.77.0.0/24"), value) && value >= ipv4("10.77.0.9") && value <= ipv4("10.77.0.15"), address);
  assert.equal(address === "10.77.0.11", mac === db1, `${mac} got ${address}`);
}

/** Once every lease has run out, the whole pool can be leased again, and the reservation too. */
function assertNoLeak(world: World): void {
  world.now += 3_600_000;
  const fresh = Array.from({ length: poolSize }, (_, index) => world.lease(`52:54:00:bb:00:0${String(index)}`));
  assert.equal(new Set(fresh).size, poolSize);
  assert.equal(world.discover("52:54:00:bb:00:99").reply, undefined);
  assert.equal(replyOf(world.discover(db1), "offer").yiaddr, "10.77.0.11");
}

describe("the allocator", () => {
  test("A15 A16 A17 A37 no address twice, reservations honoured, no pool leak, after any order of messages and restarts", () => {
    fc.assert(fc.property(fc.array(step, { minLength: 5, maxLength: 80 }), run), { numRuns: 400 });
  });
});
