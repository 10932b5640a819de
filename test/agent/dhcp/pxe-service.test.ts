import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { describe, test, type TestContext } from "node:test";
import { freeTcpPort, freeUdpPort } from "../../../lab/ports";
import { Serving } from "../../../provider/agent/serving";
import { Keeper } from "../../../provider/agent/sockets";
import { decodeDhcp, encodeDhcp, messageTypes, optionEntry, options, readOption, type DhcpPacket } from "../../../provider/wire/dhcp";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { filesContext, until, type FilesContext } from "../../support/files-context";
import { clientPacket } from "../../wire/dhcp/packets";

const mac = "52:54:00:12:34:56";
const subnet = (dhcpMode: "full" | "proxy") =>
  subnetDocument({ cidr: "127.0.0.0/24", pools: [], routers: [], dnsServers: ["10.77.0.254"], bootFile: "efi/loader.efi", dhcpMode });

interface Bench {
  readonly files: FilesContext;
  readonly serving: Serving;
  readonly port: number;
}

async function bench(t: TestContext, keeper?: Keeper): Promise<Bench> {
  const files = await filesContext();
  t.after(() => files.close());
  const serving = new Serving(files.context, undefined, 60_000, keeper);
  t.after(async () => {
    await serving.close();
    keeper?.closeAll();
  });
  const [dhcpPort, tftpPort, httpPort, pxePort] = [await freeUdpPort(), await freeUdpPort(), await freeTcpPort(), await freeUdpPort()];
  await files.put([
    serverDocument({ interfaces: ["lo"], dhcpPort, tftpPort, httpPort, pxePort }), subnet("full"), profileDocument(), hostDocument({ macs: [mac], ip: "127.0.0.11" }),
  ], ["db1"]);
  return { files, serving, port: pxePort };
}

/** Whether anybody has the port. */
async function isOpen(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  try {
    socket.bind(port, "127.0.0.1");
    await once(socket, "listening");
    return false;
  } catch {
    return true;
  } finally {
    socket.close();
  }
}

/** Sends from an address and waits for what comes back to it. */
async function exchange(t: TestContext, port: number, from: string, packets: readonly Uint8Array[]): Promise<DhcpPacket> {
  const socket = createSocket("udp4");
  t.after(() => { socket.close(); });
  socket.bind(0, from);
  await once(socket, "listening");
  for (const packet of packets) socket.send(packet, port, "127.0.0.1");
  const [bytes] = await once(socket, "message", { signal: AbortSignal.timeout(5000) }) as [Buffer];
  return decodeDhcp(bytes);
}

const request = (): DhcpPacket => clientPacket(mac, messageTypes.request, [
  optionEntry(options.vendorClass, "PXEClient:Arch:00007:UNDI:003000"), optionEntry(options.clientArchitecture, [7]),
], { ciaddr: "127.0.0.50" });

describe("the PXE service of a proxy", () => {
  for (const [title, keeper] of [["", () => undefined], [", with sockets that are kept", () => new Keeper()]] as const) {
    test(`B11 its port is open only while a subnet is served as a proxy${title}`, async (t) => {
      const { files, serving, port } = await bench(t, keeper());
      await serving.reconcile();
      assert.equal(serving.status()[0]?.serving, true);
      assert.equal(await isOpen(port), false);
      for (const mode of ["proxy", "full", "proxy"] as const) {
        await files.put([subnet(mode)]);
        await serving.reconcile();
        assert.equal(await isOpen(port), mode === "proxy", mode);
      }
      await serving.close();
    });
  }

  test("B11 a client gets its answer at the port that it asked from, and its address is remembered", async (t) => {
    const { files, serving, port } = await bench(t);
    await files.put([subnet("proxy")]);
    await serving.reconcile();
    const reply = await exchange(t, port, "127.0.0.50", [encodeDhcp(request())]);
    assert.equal(readOption(reply.options, options.messageType), messageTypes.ack);
    assert.equal(reply.file, "efi/loader.efi");
    assert.equal(files.context.sightings.macAt("127.0.0.50"), mac);
    await until("the event", () => files.events.some((event) => event.kind === "dhcp.ack" && event.address === "127.0.0.50"));
  });

  test("A38 F8 what is malformed is dropped, and the next request answered", async (t) => {
    const { files, serving, port } = await bench(t);
    await files.put([subnet("proxy")]);
    await serving.reconcile();
    const good = encodeDhcp(request());
    const bad = [Buffer.alloc(0), Buffer.alloc(1), Buffer.alloc(239), good.subarray(0, 240), Buffer.concat([good.subarray(0, 240), Buffer.from([53, 1, 99, 255])])];
    assert.equal((await exchange(t, port, "127.0.0.50", [...bad, good])).file, "efi/loader.efi");
  });

  test("a port that is taken is told, and opened once it is free", async (t) => {
    const { files, serving, port } = await bench(t);
    await serving.reconcile();
    const taken = createSocket("udp4");
    taken.bind(port, "127.0.0.1");
    await once(taken, "listening");
    await files.put([subnet("proxy")]);
    await serving.reconcile();
    assert.match(serving.status()[0]?.problem ?? "", new RegExp(`UDP port ${String(port)} is taken by`));
    assert.equal(serving.status()[0]?.serving, true, "addresses and files go on being served");
    taken.close();
    await once(taken, "close");
    await serving.reconcile();
    assert.equal(serving.status()[0]?.problem, null);
    assert.equal(await isOpen(port), true);
  });
});
