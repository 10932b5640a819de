import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import type { ServerDocument } from "../../provider/model/documents";
import { configure, dhclient, udhcpc } from "../support/dhcp-clients";
import { DhcpLab } from "../support/dhcp-lab";
import { serverDocument, subnetDocument } from "../support/documents";
import { eventually } from "../support/eventually";
import type { Running } from "../support/netns";
import { startKea } from "../support/segment";

const mac = "52:54:00:aa:00:01";
const theirs = "10.77.0.150";

/** An agent at the address of a server that is gone, and which it knows no lease of. */
interface Successor {
  readonly lab: DhcpLab;
  readonly client: Running;
  /** The agent serves, in the place of the other. */
  takeOver(server: ServerDocument): Promise<void>;
}

/** @param start a client, and how it says that it has the address */
async function successor(t: TestContext, start: (lab: DhcpLab) => readonly [Running, (line: string) => boolean]): Promise<Successor> {
  const lab = await DhcpLab.create(t, mac, []);
  const times = { "interfaces-config": { interfaces: ["eth1"] }, "renew-timer": 4, "rebind-timer": 8 };
  const kea = await startKea(t, lab.server, lab.folder, "10.77.0.0/24", `${theirs}-${theirs}`, times);
  const [client, isBound] = start(lab);
  await client.line(isBound);
  return {
    lab, client,
    takeOver: async (server) => {
      await kea.kill();
      await lab.apply([server, subnetDocument()]);
    },
  };
}

const busybox = (lab: DhcpLab) => [udhcpc(lab), (line: string) => line.includes(`lease of ${theirs} obtained`)] as const;
const isc = (lab: DhcpLab) => [dhclient(lab, lab.script(...configure).script), (line: string) => line.startsWith(`bound to ${theirs}`)] as const;

describe("clients of a server that is gone", { concurrency: 3 }, () => {
  test("A6 udhcpc's renewal by unicast makes the lease again where the agent is authoritative", async (t) => {
    const { lab, client, takeOver } = await successor(t, busybox);
    await takeOver(serverDocument());
    client.signal("SIGUSR1");
    await client.line((line) => line.includes(`lease of ${theirs} obtained from 10.77.0.1, lease time 3600`));
    assert.deepEqual((await lab.leases()).map((lease) => [lease.address, lease.mac]), [[theirs, mac]]);
  });

  test("A6 A8 A9 it is refused by one that is not, so that udhcpc starts anew", async (t) => {
    const { lab, client, takeOver } = await successor(t, busybox);
    await takeOver(serverDocument({ authoritative: false }));
    client.signal("SIGUSR1");
    await client.line((line) => line.includes("lease of 10.77.0.100 obtained"));
    await lab.told(new RegExp(`refused ${theirs.replaceAll(".", "\\.")} to ${mac}: .* is not leased here`));
  });

  test("A6 A7 dhclient's broadcast at T2 gets no answer from one that is not authoritative, and an ACK from one that is", async (t) => {
    const { lab, client, takeOver } = await successor(t, isc);
    // It would be refused at T1 already.
    await lab.server.run("nft", ["add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in ip daddr 10.77.0.1 udp dport 67 drop"]);
    await takeOver(serverDocument({ authoritative: false }));
    const packets = async (): Promise<{ received: number; replied: number }> => {
      const { received = 0, replied = 0 } = (await lab.status()).interfaces[0]?.packets ?? {};
      return { received, replied };
    };
    const rebinds = (): number => client.lines.filter((line) => line.startsWith(`DHCPREQUEST for ${theirs} on eth0 to 255.255.255.255`)).length;
    // The first took the offer.
    await client.line(() => rebinds() > 1);
    await eventually(async () => (await packets()).received > 0, () => client.lines.join("\n"));
    assert.deepEqual([(await packets()).replied, client.lines.filter((line) => /DHCPACK|DHCPNAK/.test(line)).length], [0, 1]);
    await lab.apply([serverDocument()]);
    await client.line(() => client.lines.filter((line) => line.startsWith(`DHCPACK of ${theirs} from 10.77.0.1`)).length === 2);
  });
});
