import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { dhclient } from "../support/dhcp-clients";
import { DhcpLab } from "../support/dhcp-lab";
import { serverDocument, subnetDocument } from "../support/documents";
import { eventually } from "../support/eventually";

const mac = "52:54:00:aa:00:01";
const forever = 0xffffffff;

type Spec = Parameters<typeof subnetDocument>[0];
/** What a client asks for in option 51, and what it is told: the lease, T1, T2; the last two are missing for a lease without an end. */
type Row = readonly [asked: number | undefined, lease: number, renewal?: number, rebinding?: number];

const subnets: readonly (readonly [Spec, readonly Row[]])[] = [
  [{}, [[undefined, 3600, 1800, 3150], [1, 120, 60, 105], [86_400, 3600, 1800, 3150]]],
  [
    { leaseTime: 3600, minLeaseTime: 600, maxLeaseTime: 7200, renewAt: 0.25, rebindAt: 0.75 },
    [[undefined, 3600, 900, 2700], [0, 600, 150, 450], [601, 601, 150, 450], [5000, 5000, 1250, 3750], [forever, 7200, 1800, 5400]],
  ],
  [{ leaseTime: 3600, maxLeaseTime: forever }, [[undefined, 3600, 1800, 3150], [forever, forever], [forever - 1, forever - 1, 2147483647, 3758096382]]],
  [{ leaseTime: forever, maxLeaseTime: forever }, [[undefined, forever], [120, 120, 60, 105]]],
];

/** What dhclient understands: the values of its lease, T1 and T2. */
async function byDhclient(lab: DhcpLab, asked: number | undefined): Promise<readonly string[]> {
  const { script, told } = lab.script();
  const client = dhclient(lab, script, { config: asked === undefined ? [] : [`send dhcp-lease-time ${String(asked)};`] });
  await client.line((line) => line.startsWith("bound to 10.77.0.100"));
  await eventually(() => Promise.resolve(told().includes("\nnew_dhcp_lease_time=")), told);
  await client.kill();
  return ["lease", "renewal", "rebinding"].flatMap((name) => new RegExp(`^new_dhcp_${name}_time=(\\d+)$`, "m").exec(told())?.[1] ?? []);
}

describe("lease times", { concurrency: 2 }, () => {
  test("A26 A27 dhclient is told what it asks for within the subnet's bounds, T1 and T2 as shares of it, and for ever without them", async (t) => {
    const lab = await DhcpLab.create(t, mac);
    for (const [spec, rows] of subnets) {
      await lab.apply([serverDocument(), subnetDocument(spec)]);
      for (const [asked, ...times] of rows) assert.deepEqual(await byDhclient(lab, asked), times.map(String), `${JSON.stringify(spec)}: ${String(asked)}`);
    }
  });

  test("A26 udhcpc is told what it asks for within the subnet's bounds", async (t) => {
    const lab = await DhcpLab.create(t, mac);
    for (const [spec, rows] of subnets) {
      await lab.apply([serverDocument(), subnetDocument(spec)]);
      for (const [asked, lease] of rows) {
        const { said, told } = await lab.udhcpc(lab.client, ...(asked === undefined ? [] : ["-x", `0x33:${asked.toString(16).padStart(8, "0")}`]));
        assert.ok(said.includes(`lease time ${String(lease)}`) && told.includes(`\nlease=${String(lease)}\n`), `${JSON.stringify(spec)}: ${String(asked)}: ${said}`);
      }
    }
  });
});
