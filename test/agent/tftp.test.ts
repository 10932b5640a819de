import assert from "node:assert/strict";
import { readdir, readlink, truncate } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { startTftp } from "../../provider/agent/tftp";
import { PxeError } from "../../provider/errors";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../support/documents";
import { filesContext, randomContent, until } from "../support/files-context";
import { fetchRaw, RawClient, tftpLab, type TftpLab } from "../support/tftp-lab";

describe("TFTP on the wire", () => {
  let lab: TftpLab;
  const content = randomContent(2000);
  before(async () => {
    lab = await tftpLab();
    await lab.addAsset("bios/pxelinux.0", content);
    await lab.addAsset("big", randomContent(600_000));
  });
  after(() => lab.close());

  async function withClient<T>(act: (client: RawClient) => Promise<T>, address?: string): Promise<T> {
    const client = await RawClient.open(lab.port, address);
    try {
      return await act(client);
    } finally {
      client.close();
    }
  }

  test("D1 octet and netascii in any case; another mode gets error 4", async () => {
    lab.files.set("text", { kind: "text", text: "one\ntwo\r" });
    assert.deepEqual(await fetchRaw(lab.port, "bios/pxelinux.0", {}, "OcTeT"), content);
    assert.equal((await fetchRaw(lab.port, "text", {}, "NETASCII")).toString(), "one\r\ntwo\r\0");
    await withClient(async (client) => {
      client.ask("text", {}, "mail");
      assert.deepEqual((await client.expect()).message, { type: "error", code: 4, message: "unknown mode" });
    });
  });

  test("D1 a write request is refused", async () => {
    await withClient(async (client) => {
      client.send({ type: "wrq", filename: "bios/pxelinux.0", mode: "octet", options: [] });
      assert.deepEqual((await client.expect()).message, { type: "error", code: 4, message: "writing is not allowed" });
    });
  });

  test("D14 netascii pairs may lie across a block's edge, and no tsize is told", async () => {
    lab.files.set("edge", { kind: "text", text: `${"x".repeat(511)}\nend\n` });
    assert.equal((await fetchRaw(lab.port, "edge", {}, "netascii")).toString(), `${"x".repeat(511)}\r\nend\r\n`);
    await withClient(async (client) => {
      client.ask("edge", { tsize: "0" }, "netascii");
      assert.equal((await client.expect()).message.type, "data");
    });
  });

  test("D2 each transfer has a port of its own, and a stranger at it disturbs nothing", async () => {
    await withClient(async (client) => {
      client.ask("bios/pxelinux.0");
      const first = await client.expect();
      assert.notEqual(first.port, lab.port);
      await withClient(async (stranger) => {
        stranger.send({ type: "ack", block: 1 }, first.port);
        stranger.send({ type: "error", code: 0, message: "" }, first.port);
        assert.equal(await stranger.next(100), undefined);
      });
      client.send({ type: "ack", block: 1 }, first.port);
      const second = await client.expect();
      assert.equal(second.message.type === "data" && second.message.block, 2);
      assert.equal(second.port, first.port);
    });
  });

  test("D4 the OACK answers what was asked", async () => {
    await withClient(async (client) => {
      client.ask("bios/pxelinux.0", { tsize: "0", blksize: "1408", multicast: "" });
      assert.deepEqual((await client.expect()).message, {
        type: "oack", options: [{ name: "tsize", value: "2000" }, { name: "blksize", value: "1408" }],
      });
    });
  });

  test("D8 a probe that is aborted frees the port at once, and the next request is served", async () => {
    await withClient(async (client) => {
      for (const code of [8, 0]) {
        client.ask("bios/pxelinux.0", { tsize: "0" });
        const oack = await client.expect();
        client.send({ type: "error", code, message: "User aborted the transfer" }, oack.port);
      }
      client.ask("bios/pxelinux.0", { tsize: "0", blksize: "1468" });
      const oack = await client.expect();
      client.send({ type: "ack", block: 0 }, oack.port);
      assert.equal((await client.expect()).message.type, "data");
    });
    assert.deepEqual(lab.events.filter((event) => event.kind === "tftp.failed"), []);
  });

  test("D9 a window: the lost block and all after it come again", async () => {
    await withClient(async (client) => {
      client.ask("big", { blksize: "512", windowsize: "4" });
      const { port } = await client.expect();
      client.send({ type: "ack", block: 0 }, port);
      const blocks = async (count: number): Promise<number[]> => {
        const got: number[] = [];
        for (let i = 0; i < count; i += 1) {
          const { message } = await client.expect();
          got.push(message.type === "data" ? message.block : -1);
        }
        return got;
      };
      assert.deepEqual(await blocks(4), [1, 2, 3, 4]);
      client.send({ type: "ack", block: 2 }, port);
      assert.deepEqual(await blocks(4), [3, 4, 5, 6]);
    });
  });

  test("D10 F6 a storm of duplicate ACKs sends nothing; the timer repeats the block", async () => {
    await withClient(async (client) => {
      client.ask("big", { timeout: "1" });
      const { port } = await client.expect();
      client.send({ type: "ack", block: 0 }, port);
      assert.equal((await client.expect()).message.type, "data");
      client.send({ type: "ack", block: 1 }, port);
      await client.expect();
      const started = Date.now();
      for (let i = 0; i < 200; i += 1) client.send({ type: "ack", block: 1 }, port);
      const again = await client.expect();
      assert.equal(again.message.type === "data" && again.message.block, 2);
      const waited = Date.now() - started;
      assert.ok(waited >= 900 && waited < 2500, `${waited} ms`);
      assert.equal(await client.next(300), undefined);
    });
  });

  test("D11 a repeated request starts no second transfer; another one from the same port takes over", async () => {
    await withClient(async (client) => {
      for (let i = 0; i < 5; i += 1) client.ask("big");
      const { port } = await client.expect();
      assert.equal(await client.next(200), undefined);
      client.ask("bios/pxelinux.0");
      const other = await client.expect();
      assert.notEqual(other.port, port);
      assert.deepEqual(other.message.type === "data" && Buffer.from(other.message.data), content.subarray(0, 512));
    });
  });

  test("D13 exact multiples and the empty file", async () => {
    for (const size of [0, 1, 511, 512, 513, 1024, 1468 * 2]) {
      const file = randomContent(size);
      await lab.addAsset(`size-${size}`, file);
      assert.deepEqual(await fetchRaw(lab.port, `size-${size}`), file);
      assert.deepEqual(await fetchRaw(lab.port, `size-${size}`, { blksize: "1468" }), file);
    }
  });

  test("D16 a file that is cut while it is sent ends with an error, not short", async () => {
    const file = randomContent(700_000);
    await lab.addAsset("cut", file);
    const asset = lab.files.get("cut");
    assert.ok(asset?.kind === "asset");
    const place = path.join(lab.folder, "assets", asset.asset.sha256);
    await withClient(async (client) => {
      client.ask("cut");
      const { port } = await client.expect();
      await truncate(place, 600);
      client.send({ type: "ack", block: 1 }, port);
      assert.deepEqual((await client.expect()).message, { type: "error", code: 0, message: "the file was cut while it was read" });
    });
    await until("the failure is told", () => lab.events.some((event) => event.kind === "tftp.failed" && /cut/.test(event.text)));
  });

  test("D16 a file that is replaced while it is sent goes on as it was", async () => {
    const file = randomContent(700_000);
    await lab.addAsset("replaced", file);
    const asset = lab.files.get("replaced");
    assert.ok(asset?.kind === "asset");
    await withClient(async (client) => {
      client.ask("replaced", { blksize: "1468" });
      const { port } = await client.expect();
      await lab.store("file", file);
      client.send({ type: "ack", block: 0 }, port);
      const { message } = await client.expect();
      assert.deepEqual(message.type === "data" && Buffer.from(message.data), file.subarray(0, 1468));
    });
  });

  test("D17 a client that leaves before its last ACK has got the file", async () => {
    lab.events.length = 0;
    await withClient(async (client) => {
      client.ask("bios/pxelinux.0", { blksize: "1468", timeout: "1" });
      const { port } = await client.expect();
      client.send({ type: "ack", block: 0 }, port);
      await client.expect();
      client.send({ type: "ack", block: 1 }, port);
      await client.expect();
    });
    await until("it counts as sent", () => lab.events.some((event) => event.kind === "tftp.sent"), 10_000);
    assert.match(lab.events[0]?.text ?? "", /^bios\/pxelinux\.0 sent: 2000 bytes in \d+\.\d\d s$/);
  });

  test("D18 D19 names: inside is served, outside refused, and no error tells a path", async () => {
    for (const name of ["\\bios\\pxelinux.0", "//bios//pxelinux.0", "/bios/pxelinux.0\xff", "bios/x/../pxelinux.0"]) {
      assert.deepEqual(await fetchRaw(lab.port, name), content);
    }
    const outside = ["../x", "a/../../x", "..\\", "/../../etc/passwd", "%2e%2e/x", "bios/", ".", "", "a\x01b", "x".repeat(300)];
    for (const name of [...outside, "/etc/passwd", "bios", "bios/pxelinux.0x"]) {
      await withClient(async (client) => {
        client.ask(name);
        const { message } = await client.expect();
        const expected = outside.includes(name) ? { code: 2, message: "access violation" } : { code: 1, message: "file not found" };
        assert.deepEqual(message, { type: "error", ...expected }, name);
      });
    }
    assert.ok(lab.asked.every((name) => !name.includes("..")));
  });

  test("F5 only served networks get an answer", async () => {
    await withClient(async (client) => {
      client.ask("bios/pxelinux.0");
      assert.equal(await client.next(300), undefined);
    }, "127.9.9.9");
  });

  test("F8 garbage at the well-known port and at a transfer's stops nothing", async () => {
    await withClient(async (client) => {
      client.ask("big");
      const { port } = await client.expect();
      for (const packet of ["", "\0", "\x00\x01", "\0\x01a", "\0\x04", "\0\x03\0\x01x", "\0\x06", "\xff".repeat(100), "\0\x05"]) {
        client.send(Buffer.from(packet, "latin1"), port);
        client.send(Buffer.from(packet, "latin1"));
      }
      client.send({ type: "ack", block: 1 }, port);
      const { message } = await client.expect();
      assert.equal(message.type === "data" && message.block, 2);
    });
  });
});

describe("TFTP limits", () => {
  test("F7 transfers are capped for an address and in all; freed ones count no more", async () => {
    const lab = await tftpLab({ limits: { perAddress: 3, total: 4 } });
    const clients: RawClient[] = [];
    try {
      await lab.addAsset("f", randomContent(5000));
      async function ask(address: string): Promise<[RawClient, number | undefined]> {
        const client = await RawClient.open(lab.port, address);
        clients.push(client);
        client.ask("f");
        return [client, (await client.next(400))?.port];
      }
      const first = await ask("127.0.0.1");
      for (let i = 0; i < 2; i += 1) assert.notEqual((await ask("127.0.0.1"))[1], undefined);
      assert.equal((await ask("127.0.0.1"))[1], undefined);
      assert.notEqual((await ask("127.0.0.2"))[1], undefined);
      assert.equal((await ask("127.0.0.3"))[1], undefined);
      first[0].send({ type: "error", code: 0, message: "" }, first[1]);
      let served: number | undefined;
      for (let attempt = 0; attempt < 5 && served === undefined; attempt += 1) served = (await ask("127.0.0.3"))[1];
      assert.notEqual(served, undefined);
    } finally {
      for (const client of clients) client.close();
      await lab.close();
    }
  });

  test("a port that is taken is told by code", async () => {
    const lab = await tftpLab();
    try {
      const again = startTftp(lab.context, { interface: { name: "lo", addresses: [{ address: "127.0.0.1" }] }, port: lab.port, httpPort: 80 });
      await assert.rejects(again, (error) => error instanceof PxeError && error.code === "PXE_PORT_TAKEN");
    } finally {
      await lab.close();
    }
  });

  test("closing ends transfers under way and frees their files", async () => {
    const lab = await tftpLab();
    await lab.addAsset("f", randomContent(500_000));
    const client = await RawClient.open(lab.port);
    client.ask("f");
    await client.expect();
    await lab.close();
    client.close();
    const links = await Promise.all((await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")));
    assert.deepEqual(links.filter((link) => link.startsWith(lab.folder)), []);
  });
});

describe("TFTP answers who asks", () => {
  test("C1 C4 F11 the loader's configuration is the asker's own, by lease or reservation, and holds no secret", async () => {
    const base = await filesContext();
    const program = await base.store("pxelinux.0", Buffer.from("loader"));
    const mac = "52:54:00:00:00:01";
    const config = "KERNEL http://‹server›/a/x/linux\nAPPEND url=http://‹server›/answer/‹token›/preseed.cfg ip=‹address›\n";
    await base.put([
      serverDocument(),
      subnetDocument({ cidr: "127.0.0.0/24", pools: [], routers: [], dnsServers: ["10.77.0.254"] }),
      profileDocument({ loaders: { bios: { program, modules: [] } } }),
      hostDocument({ macs: [mac], ip: "127.0.0.11", rendered: { "bios/pxelinux.cfg": config, "bios/pxelinux.local.cfg": "LOCALBOOT -1\n" } }, "db1"),
      hostDocument({ macs: ["52:54:00:00:00:02"], ip: "127.0.0.12", rendered: { "bios/pxelinux.cfg": "x ‹secret:root›", "bios/pxelinux.local.cfg": "LOCALBOOT -1\n" }, secrets: { root: "geheim" } }, "db2"),
      hostDocument({ macs: ["52:54:00:00:00:03"], ip: "127.0.0.13", install: "never", rendered: { "bios/pxelinux.cfg": "install", "bios/pxelinux.local.cfg": "LOCALBOOT -1\n" } }, "db3"),
    ], ["db1", "db2"]);
    const server = await startTftp(base.context, { interface: { name: "lo", addresses: [{ address: "127.0.0.1" }] }, port: 0, httpPort: 8080 });
    const port = server.endpoints[0]?.port ?? 0;
    async function ask(address: string, name: string): Promise<string> {
      const client = await RawClient.open(port, address);
      try {
        client.ask(name);
        const { message, port: transfer } = await client.expect();
        if (message.type !== "data") return message.type === "error" ? `error ${message.code}` : message.type;
        client.send({ type: "ack", block: 1 }, transfer);
        return Buffer.from(message.data).toString();
      } finally {
        client.close();
      }
    }
    try {
      const token = base.state.hostByMac(mac)?.facts.token ?? "";
      assert.notEqual(token, "");
      const filled = `KERNEL http://127.0.0.1:8080/a/x/linux\nAPPEND url=http://127.0.0.1:8080/answer/${token}/preseed.cfg ip=127.0.0.11\n`;
      assert.equal(await ask("127.0.0.11", "bios/pxelinux.cfg/01-52-54-00-00-00-01"), filled);
      assert.equal(await ask("127.0.0.11", "bios/pxelinux.cfg/default"), "LOCALBOOT -1\n");
      assert.equal(await ask("127.0.0.11", "bios/pxelinux.0"), "loader");
      assert.equal(await ask("127.0.0.11", "bios/pxelinux.cfg/01-52-54-00-00-00-02"), "error 1");
      assert.equal(await ask("127.0.0.13", "bios/pxelinux.cfg/default"), "LOCALBOOT -1\n");
      assert.equal(await ask("127.0.0.12", "bios/pxelinux.cfg/01-52-54-00-00-00-02"), "error 0");
      assert.equal(await ask("127.0.0.99", "bios/pxelinux.cfg/default"), "error 1");
      base.lease("127.0.0.99", mac);
      assert.equal(await ask("127.0.0.99", "bios/pxelinux.cfg/01-52-54-00-00-00-01"), filled.replace("127.0.0.11", "127.0.0.99"));
      await until("the events are there", () => base.events.filter((event) => event.kind === "tftp.sent").length === 5);
      const told = JSON.stringify(base.events);
      assert.ok(!told.includes(token) && !told.includes("geheim"), "no token and no secret in events");
      assert.deepEqual(base.events.filter((event) => event.kind === "tftp.sent").map((event) => event.host), ["db1", "db1", "db1", "db3", "db1"]);
    } finally {
      await server.close();
      await base.close();
    }
  });
});
