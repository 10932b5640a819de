import assert from "node:assert/strict";
import { test } from "node:test";
import { DhcpLab } from "../support/dhcp-lab";
import { serverDocument, subnetDocument } from "../support/documents";
import { eventually } from "../support/eventually";
import { Namespace, plug } from "../support/netns";

const mac = "52:54:00:aa:00:01";
const second = { cidr: "10.78.0.0/24", pools: [{ from: "10.78.0.100", to: "10.78.0.110" }], routers: [], dnsServers: [] };

/** The whole of what udhcpc says, from a client that starts anew. */
const udhcpc = async (lab: DhcpLab, on: Namespace): Promise<string> => (await lab.udhcpc(on)).said;

test("A10 A33 an interface that goes, comes, changes its address or loses its link is followed; another one is not disturbed", async (t) => {
  const lab = await DhcpLab.create(t, mac, [serverDocument({ interfaces: ["eth1", "eth2"] }), subnetDocument(), subnetDocument(second, "second")]);
  const wires = { server: lab.server, client: lab.client };
  await lab.serves({ eth1: ["10.77.0.1"] });
  // One that was not there when the agent started.
  const other = { server: lab.server, client: await Namespace.create(t) };
  await plug(other, "52:54:00:aa:00:09", "eth2", "10.78.0.1/24");
  await lab.serves({ eth1: ["10.77.0.1"], eth2: ["10.78.0.1"] });
  assert.match(await udhcpc(lab, other.client), /lease of 10\.78\.0\.100 obtained from 10\.78\.0\.1/);
  assert.match(await udhcpc(lab, lab.client), /lease of 10\.77\.0\.100 obtained from 10\.77\.0\.1,/);

  // Deleted and made anew before anybody can have looked.
  await lab.server.ip("link", "del", "eth1");
  await plug(wires, mac, "eth1", "10.77.0.1/24");
  assert.match(await udhcpc(lab, lab.client), /lease of 10\.77\.0\.100 obtained from 10\.77\.0\.1,/);

  await lab.server.ip("address", "add", "10.77.0.2/24", "dev", "eth1");
  await lab.server.ip("address", "del", "10.77.0.1/24", "dev", "eth1");
  await lab.server.ip("address", "replace", "10.77.0.2/24", "dev", "eth1");
  await lab.serves({ eth1: ["10.77.0.2"], eth2: ["10.78.0.1"] });
  assert.match(await udhcpc(lab, lab.client), /lease of 10\.77\.0\.100 obtained from 10\.77\.0\.2,/);

  await lab.server.ip("address", "add", "10.79.0.1/24", "dev", "eth1");
  await lab.serves({ eth1: ["10.77.0.2", "10.79.0.1"], eth2: ["10.78.0.1"] });
  assert.match(await udhcpc(lab, lab.client), /lease of 10\.77\.0\.100 obtained from 10\.77\.0\.2,/);

  await lab.server.ip("link", "set", "eth1", "down");
  await lab.serves({ eth2: ["10.78.0.1"] });
  await lab.told(/interface eth1 is not served: it does not exist, has no link, or has no IPv4 address/);
  await lab.server.ip("link", "set", "eth1", "up");
  assert.match(await udhcpc(lab, lab.client), /lease of 10\.77\.0\.100 obtained from 10\.77\.0\.2,/);

  // The counters are those of the sockets: they would have started anew with them.
  const before = (await lab.status()).interfaces.find((item) => item.name === "eth2")?.packets?.received ?? 0;
  assert.ok(before >= 2, String(before));
  assert.match(await udhcpc(lab, other.client), /lease of 10\.78\.0\.100/);
  await eventually(async () => ((await lab.status()).interfaces.find((item) => item.name === "eth2")?.packets?.received ?? 0) >= before + 2, () => "two more packets on eth2");
});

test("F4 an interface that the server doesn't name is not answered, though a subnet lies on it, until it is named", async (t) => {
  const lab = await DhcpLab.create(t, mac);
  const other = { server: lab.server, client: await Namespace.create(t) };
  await plug(other, "52:54:00:aa:00:09", "eth2", "10.78.0.1/24");
  // A subnet that names a relay need not lie on an interface that is served.
  await lab.apply([subnetDocument({ ...second, relays: ["10.78.0.254"] }, "second")]);
  assert.match((await lab.udhcpc(other.client, "-t", "2")).said, /no lease, failing/);
  assert.match(await udhcpc(lab, lab.client), /lease of 10\.77\.0\.100 obtained/);
  assert.deepEqual((await lab.status()).interfaces.map((item) => item.name), ["eth1"]);
  await lab.apply([serverDocument({ interfaces: ["eth1", "eth2"] })]);
  await lab.serves({ eth1: ["10.77.0.1"], eth2: ["10.78.0.1"] });
  assert.match(await udhcpc(lab, other.client), /lease of 10\.78\.0\.100 obtained from 10\.78\.0\.1/);
});
