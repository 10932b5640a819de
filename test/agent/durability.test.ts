import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { messageTypes, optionEntry, options } from "../../provider/wire/dhcp";
import { KillSite, killSubnet, macOf } from "../support/kill-site";
import { Random, seedFrom } from "../support/random";
import { typeOf } from "../support/relay-client";

/** `npm run test:durability` sets them to 1,000 and 100. */
const kills = Number(process.env["PXE_KILLS"] ?? 10);
const killsUnderLoad = Number(process.env["PXE_KILLS_UNDER_LOAD"] ?? 15);

/** Machines that ask at once. */
const atOnce = 48;

const { ack, nak, offer } = messageTypes;

/** Somebody else gets neither the address that he asks for nor, if he claims it, an ACK of it. */
async function assertTaken({ client }: KillSite, address: string, mac: string): Promise<void> {
  const other = await client.ask(mac, messageTypes.discover, [optionEntry(options.requestedAddress, address)]);
  assert.equal(typeOf(other), offer);
  assert.notEqual(other?.yiaddr, address);
  assert.equal(typeOf(await client.select(mac, address)), nak);
}

/** Leases of a round before it may end. */
const acksAtLeast = 10;

describe("kill -9", () => {
  test(`A19 right after an ACK, ${String(kills)} times: no acknowledged lease is lost or given to another`, async (t) => {
    const site = await KillSite.create(t);
    const from = Date.now();
    for (let kill = 0; kill < kills; kill++) {
      const address = await site.lease(macOf(kill));
      const dead = site.kill();
      assert.ok(address);
      await dead;
      await site.start();
      await site.assertWhole();
      await assertTaken(site, address, macOf(0x1000_0000 + kill));
      if ((kill + 1) % 100 === 0) t.diagnostic(`${String(kill + 1)} kills in ${String(Math.round((Date.now() - from) / 1000))} s`);
    }
    assert.equal(site.acknowledged.size, kills);
    // Every machine renews what it has.
    for (const [address, mac] of site.acknowledged) assert.equal(typeOf(await site.client.select(mac, address)), ack);
    assert.deepEqual(site.doubly, []);
    await site.kill();
    site.assertSound();
  });

  test(`A19 in the midst of writing, ${String(killsUnderLoad)} times: no acknowledged lease or change of a document is lost, and the store opens undamaged`, async (t) => {
    const seed = seedFrom("PXE_KILL_SEED");
    const random = new Random(seed);
    const site = await KillSite.create(t);
    let machines = 0;
    let pushes = 0;
    let revision = 0;
    try {
      for (let kill = 0; kill < killsUnderLoad; kill++) {
        let alive = true;
        const machine = async (): Promise<void> => {
          while (alive) await site.lease(macOf(machines++));
        };
        const operator = async (): Promise<void> => {
          while (alive) {
            const stored = await site.apply([killSubnet(++pushes)]).catch((error: unknown) => {
              if (alive) throw error;
              return 0;
            });
            revision = Math.max(revision, stored);
          }
        };
        const load = Promise.all([operator(), ...Array.from({ length: atOnce }, machine)]);
        const before = site.acknowledged.size;
        // Once the load is under way it may happen at any moment.
        for (const until = Date.now() + 60_000; site.acknowledged.size < before + acksAtLeast;) {
          assert.ok(Date.now() < until, "nothing is acknowledged");
          await Promise.race([delay(1), load]);
        }
        await Promise.race([delay(random.below(250)), load]);
        alive = false;
        await site.kill();
        await site.hearRest();
        await load;
        await site.start();
        await site.assertWhole();
        assert.ok((await site.status()).revision >= revision);
      }
    } catch (error) {
      throw new Error(`again with PXE_KILL_SEED=${String(seed)}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    t.diagnostic(`${String(site.acknowledged.size)} leases acknowledged, ${String(pushes)} pushes`);
    assert.ok(site.acknowledged.size >= acksAtLeast * killsUnderLoad);
    assert.deepEqual(site.doubly, []);
    await site.kill();
    site.assertSound();
  });
});
