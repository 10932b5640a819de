import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { describe, test } from "node:test";
import { interfaceAddresses, openUdp, portHolder } from "../../../provider/agent/sockets";

describe("openUdp", () => {
  test("on loopback the socket is bound to its address", async (t) => {
    const socket = await openUdp({ interface: "lo", port: 0, broadcast: true });
    t.after(() => { socket.close(); });
    assert.equal(socket.address().address, "127.0.0.1");
  });

  test("a taken port is refused, naming the process", async (t) => {
    const taken = createSocket("udp4");
    t.after(() => { taken.close(); });
    taken.bind(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address();
    await assert.rejects(openUdp({ interface: "lo", port, broadcast: true }), (error: Error) => {
      assert.match(error.message, new RegExp(`^PXE_PORT_TAKEN: UDP port ${String(port)} is taken by \\S+ \\(pid ${String(process.pid)}\\)\\.`));
      return true;
    });
    assert.match(portHolder("udp", port) ?? "", new RegExp(`\\(pid ${String(process.pid)}\\)$`));
    assert.equal(portHolder("tcp", 1), undefined);
  });

  test("an interface that doesn't exist, and an address that isn't the interface's", async () => {
    await assert.rejects(openUdp({ interface: "nope0", port: 0, broadcast: true }), { code: "PXE_NO_INTERFACE" });
    await assert.rejects(openUdp({ interface: "lo", port: 0, broadcast: false, address: "192.0.2.1" }), { code: "PXE_NO_ADDRESS" });
  });

  test("an interface's addresses come with their prefix", () => {
    assert.deepEqual(interfaceAddresses("lo")[0], { address: "127.0.0.1", prefix: 8 });
    assert.ok("lo" in networkInterfaces());
    assert.throws(() => interfaceAddresses("nope0"), { code: "PXE_NO_INTERFACE" });
  });
});
