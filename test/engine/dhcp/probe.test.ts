import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { messageTypes } from "../../../provider/wire/dhcp";
import { hostDocument, serverDocument, subnetDocument } from "../../support/documents";
import { clientPacket } from "../../wire/dhcp/packets";
import { db1, replyOf, stranger, stranger2, World } from "./world";

const probing = (): World => new World({ documents: [serverDocument(), subnetDocument({ probe: true }), hostDocument({ macs: [db1] })] });

describe("the probe of an address before it is offered", () => {
  test("A18 is for an address that is new to the client, and for no subnet that doesn't ask for it", () => {
    assert.deepEqual(probing().discover(stranger).probe, { address: "10.77.0.100" });
    assert.equal(new World().discover(stranger).probe, undefined);
    const one = probing();
    one.lease(stranger);
    assert.equal(one.discover(stranger).probe, undefined);
    assert.deepEqual(one.discover(stranger2).probe, { address: "10.77.0.101" });
  });

  test("A2 A4 A18 a REQUEST is not held up by one, whether it takes an offer or remembers its address", () => {
    const one = probing();
    one.discover(stranger);
    assert.equal(one.select(stranger, "10.77.0.100").probe, undefined);
    const again = one.reboot(stranger, "10.77.0.100");
    replyOf(again, "ack");
    assert.equal(again.probe, undefined);
  });

  test("A18 A21 an address that something answers from is kept from everybody for a while, and the next one is offered", () => {
    const one = probing();
    const packet = clientPacket(stranger, messageTypes.discover, []);
    assert.deepEqual(one.send(packet).probe, { address: "10.77.0.100" });
    const answered = one.probeAnswered(packet, "10.77.0.100");
    assert.deepEqual(answered.events.map(({ kind, address }) => [kind, address]), [["alert", "10.77.0.100"]]);
    assert.equal(one.leases.byAddress("10.77.0.100")?.state, "declined");
    const next = one.send(packet);
    assert.deepEqual([replyOf(next, "offer").yiaddr, next.probe], ["10.77.0.101", { address: "10.77.0.101" }]);
    one.declare([serverDocument(), subnetDocument({ probe: true, pools: [{ from: "10.77.0.100", to: "10.77.0.100" }] })]);
    assert.equal(one.discover(stranger2).reply, undefined);
    one.now += 11 * 60_000;
    assert.equal(one.lease(stranger2), "10.77.0.100");
  });

  test("A18 A21 an answer that comes when the address has its client already takes it from nobody", () => {
    const one = probing();
    const packet = clientPacket(stranger, messageTypes.discover, []);
    assert.deepEqual(one.send(packet).probe, { address: "10.77.0.100" });
    replyOf(one.reboot(stranger, "10.77.0.100"), "nak");
    replyOf(one.select(stranger, "10.77.0.100"), "ack");
    assert.deepEqual(one.probeAnswered(packet, "10.77.0.100").leases, []);
    replyOf(one.extend(stranger, "10.77.0.100"), "ack");
    const other = probing();
    other.send(packet);
    other.declare([serverDocument(), subnetDocument({ probe: true }), hostDocument({ macs: [db1], ip: "10.77.0.100" })]);
    assert.deepEqual(other.probeAnswered(packet, "10.77.0.100").leases, []);
    assert.equal(other.lease(db1), "10.77.0.100");
  });
});
