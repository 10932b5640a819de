import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { askerAt } from "../../provider/agent/bootclient";
import { Sightings } from "../../provider/agent/sightings";
import { serverDocument, subnetDocument } from "../support/documents";
import { ask, hosts, httpLab, type HttpLab } from "../support/http-lab";

const { db1, db2 } = hosts;
const elsewhere = "127.0.0.50";

async function proxyLab(t: TestContext): Promise<HttpLab> {
  const lab = await httpLab();
  t.after(() => lab.close());
  await lab.put([subnetDocument({ cidr: "127.0.0.0/24", pools: [], routers: [], dnsServers: ["10.77.0.254"], dhcpMode: "proxy" })]);
  return lab;
}

const answer = async (lab: HttpLab, from: string, host: "db1" | "db2"): Promise<number> => {
  lab.skip(10_000);
  return (await ask(lab.port, `/answer/${lab.token(host)}/preseed.cfg`, { from, method: "GET" })).status;
};

describe("where another server gives out the addresses", () => {
  test("F11 a host is served at the address that it was heard to get, and nobody else there", async (t) => {
    const lab = await proxyLab(t);
    lab.context.sightings.see({ mac: db1.mac, address: elsewhere }, true);
    assert.equal(askerAt(lab.context, elsewhere).host?.document.name, "db1");
    assert.equal(await answer(lab, elsewhere, "db1"), 200);
    assert.equal(await answer(lab, elsewhere, "db2"), 403);
  });

  test("F11 what was heard goes before a lease of former times", async (t) => {
    const lab = await proxyLab(t);
    lab.lease(elsewhere, db2.mac);
    assert.equal(await answer(lab, elsewhere, "db2"), 200);
    lab.context.sightings.see({ mac: db1.mac, address: elsewhere }, true);
    assert.deepEqual([await answer(lab, elsewhere, "db1"), await answer(lab, elsewhere, "db2")], [200, 403]);
  });

  test("F11 an address that nothing was heard of counts by the token, and belongs to that host from then on", async (t) => {
    const lab = await proxyLab(t);
    assert.equal(await answer(lab, elsewhere, "db1"), 200);
    assert.equal(await answer(lab, elsewhere, "db2"), 403);
    assert.equal(lab.events.findLast((event) => event.kind === "http.answer")?.mac, db1.mac);
    assert.equal(await answer(lab, db2.address, "db1"), 403, "reserved for another host");
    assert.equal(await answer(lab, "127.0.1.50", "db1"), 403, "outside of the subnet");
  });

  test("F11 in full mode nothing that was heard counts", async (t) => {
    const lab = await httpLab();
    t.after(() => lab.close());
    lab.context.sightings.see({ mac: db1.mac, address: elsewhere }, true);
    assert.equal(askerAt(lab.context, elsewhere).host, undefined);
    assert.equal(await answer(lab, elsewhere, "db1"), 403);
    await lab.put([serverDocument({ dhcpMode: "proxy" })]);
    assert.equal(await answer(lab, elsewhere, "db1"), 200);
  });
});

describe("addresses heard of", () => {
  test("the last machine counts, and one that isn't declared ends what was known", () => {
    const sightings = new Sightings();
    sightings.see({ mac: db1.mac, address: elsewhere }, true);
    sightings.see({ mac: db2.mac, address: elsewhere }, true);
    assert.equal(sightings.macAt(elsewhere), db2.mac);
    sightings.see({ mac: "52:54:00:00:00:99", address: elsewhere }, false);
    assert.equal(sightings.macAt(elsewhere), undefined);
  });

  test("F1 they are bounded: a flood of them costs no memory", () => {
    const sightings = new Sightings();
    for (let index = 0; index < 10_000; index++) sightings.see({ mac: db1.mac, address: `10.0.${String(index >> 8)}.${String(index & 255)}` }, true);
    assert.equal(sightings.list().length, 4096);
    assert.equal(sightings.macAt("10.0.39.15"), db1.mac);
    assert.equal(sightings.macAt("10.0.0.0"), undefined);
  });
});
