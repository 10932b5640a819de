import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DhcpLab } from "../support/dhcp-lab";

const mac = "52:54:00:aa:00:01";
const toClient = ["udp", "dst", "port", "68"];
const isReply = (line: string) => line.includes("BOOTP/DHCP, Reply");

/** tcpdump's two lines of each frame, joined. */
function frames(lines: readonly string[]): string[] {
  return lines.flatMap((line, index) => (isReply(line) ? [`${lines[index - 1] ?? ""} ${line}`] : []));
}

describe("where replies go", () => {
  test("A10 a client without an address gets frames to its own MAC, with right checksums; a client that asks for broadcasts gets those", async (t) => {
    const lab = await DhcpLab.create(t, mac);
    const dump = await lab.dump(...toClient);
    assert.equal(await lab.lease(), "10.77.0.100");
    await dump.line(() => frames(dump.lines).length === 2);
    for (const frame of frames(dump.lines)) {
      assert.match(frame, new RegExp(` > ${mac}, ethertype IPv4.*10\\.77\\.0\\.1\\.67 > 10\\.77\\.0\\.100\\.68: \\[udp sum ok\\]`));
      assert.doesNotMatch(frame, /bad cksum/);
    }
    assert.equal(await lab.lease("-B"), "10.77.0.100");
    await dump.line(() => frames(dump.lines).length === 4);
    for (const frame of frames(dump.lines).slice(2)) assert.match(frame, / > ff:ff:ff:ff:ff:ff, ethertype IPv4.*10\.77\.0\.1\.67 > 255\.255\.255\.255\.68/);
    const neighbours = await lab.server.run("ip", ["neighbour"]);
    assert.equal(neighbours.stdout.toString(), "");
  });

  test("A10 an agent that may open no packet socket broadcasts", async (t) => {
    const lab = await DhcpLab.create(t, mac, undefined, ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]);
    const dump = await lab.dump(...toClient);
    assert.equal(await lab.lease(), "10.77.0.100");
    await dump.line(() => frames(dump.lines).length === 2);
    for (const frame of frames(dump.lines)) assert.match(frame, / > ff:ff:ff:ff:ff:ff, .*> 255\.255\.255\.255\.68/);
  });
});
