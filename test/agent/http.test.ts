import assert from "node:assert/strict";
import { truncate } from "node:fs/promises";
import { connect } from "node:net";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { startHttp } from "../../provider/agent/http";
import { parseRange } from "../../provider/agent/http/range";
import { targetParts } from "../../provider/agent/http/target";
import { PxeError } from "../../provider/errors";
import { until } from "../support/files-context";
import { ask, hosts, httpLab, rawExchange, type HttpLab } from "../support/http-lab";

describe("boot files by HTTP", () => {
  let lab: HttpLab;
  before(async () => { lab = await httpLab(); });
  after(() => lab.close());
  const assetPath = (): string => `/a/${lab.large.sha256}/initrd.gz`;

  test("C7 an asset: whole, with its length, its sum as ETag, and immutable", async () => {
    const { status, headers, body } = await ask(lab.port, assetPath());
    assert.equal(status, 200);
    assert.ok(body.equals(lab.largeContent));
    assert.equal(headers["content-length"], String(lab.large.size));
    assert.equal(headers["transfer-encoding"], undefined);
    assert.equal(headers.etag, `"${lab.large.sha256}"`);
    assert.match(headers["cache-control"] ?? "", /immutable/);
    await until("the fetch is told", () => lab.events.some((event) => event.kind === "http.asset" && event.text.startsWith(`initrd.gz fetched: ${lab.large.size} bytes`)));
  });

  test("C7 HEAD tells the same and sends nothing", async () => {
    const { status, headers, body } = await ask(lab.port, assetPath(), { method: "HEAD" });
    assert.deepEqual([status, headers["content-length"], body.length], [200, String(lab.large.size), 0]);
  });

  test("C7 the type by the extension", async () => {
    const types = { "x.efi": "application/efi", "x.ISO": "application/vnd.efi-iso", "x.img": "application/vnd.efi-img", linux: "application/octet-stream" };
    for (const [name, type] of Object.entries(types)) {
      assert.equal((await ask(lab.port, `/a/${lab.small.sha256}/${name}`)).headers["content-type"], type);
    }
  });

  test("C6 ranges: open-ended, bounded, from the end; 416 past it; a changed ETag gets the whole", async () => {
    const { size } = lab.large;
    const cases: [string, number, number][] = [["bytes=0-", 0, size], ["bytes=100-199", 100, 200], ["bytes=-17", size - 17, size], [`bytes=${size - 1}-${size + 5}`, size - 1, size]];
    for (const [range, start, end] of cases) {
      const { status, headers, body } = await ask(lab.port, assetPath(), { headers: { range } });
      assert.equal(status, 206, range);
      assert.equal(headers["content-range"], `bytes ${start}-${end - 1}/${size}`);
      assert.equal(headers["content-length"], String(end - start));
      assert.ok(body.equals(lab.largeContent.subarray(start, end)), range);
    }
    const past = await ask(lab.port, assetPath(), { headers: { range: `bytes=${size}-` } });
    assert.deepEqual([past.status, past.headers["content-range"]], [416, `bytes */${size}`]);
    for (const headers of [{ range: "bytes=0-1,5-6" }, { range: "lines=1-2" }, { range: "bytes=9-3" }, { range: "bytes=0-9", "if-range": '"other"' }]) {
      assert.equal((await ask(lab.port, assetPath(), { headers })).status, 200);
    }
    assert.equal((await ask(lab.port, assetPath(), { headers: { range: "bytes=0-9", "if-range": `"${lab.large.sha256}"` } })).status, 206);
  });

  test("If-None-Match: 304 where the client has it", async () => {
    for (const value of [`"${lab.large.sha256}"`, `"x", W/"${lab.large.sha256}"`, "*"]) {
      const { status, body } = await ask(lab.port, assetPath(), { headers: { "if-none-match": value } });
      assert.deepEqual([status, body.length], [304, 0]);
    }
    assert.equal((await ask(lab.port, assetPath(), { headers: { "if-none-match": '"x"' } })).status, 200);
  });

  test("C5 slashes collapse, and the absolute form is understood", async () => {
    for (const target of [`//a//${lab.small.sha256}//x`, `http://10.77.0.1/a/${lab.small.sha256}/x`, `/a/${lab.small.sha256}/x?query=../..`, `/boot/../a/${lab.small.sha256}/x`]) {
      assert.equal((await ask(lab.port, target)).body.toString(), "a small loader", target);
    }
  });

  test("an error always has a body and closes: firmware hangs on an empty 404 that is kept alive", async () => {
    const wrong = ["/", "/a", "/a/", `/a/${"0".repeat(64)}/x`, `/a/${lab.small.sha256}`, `/a/${lab.small.sha256}/`, "/a/../../../etc/passwd", "/boot", "/boot/", "/boot/nothing", "/nothing", "/answer/x", "/favicon.ico"];
    for (const target of wrong) {
      const raw = await rawExchange(lab.port, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n`);
      assert.match(raw.text, /^HTTP\/1\.1 404 /, target);
      assert.match(raw.text, /\r\nconnection: close\r\n/i, target);
      assert.match(raw.text, /\r\ncontent-length: [1-9]/i, target);
      assert.match(raw.text, /\r\n\r\nnot found\n$/, target);
      assert.ok(raw.closed, target);
    }
  });

  test("F10 traversal in every spelling is refused, and nothing is listed", async () => {
    const dots = ["..", "%2e%2e", "%2E%2e", ".%2e", "%252e%252e", "..%2f", "..%5c", "..\\", "%c0%ae%c0%ae", "..%00", "....//"];
    const heads = ["/", "/a/", "/boot/", `/a/${lab.small.sha256}/`];
    for (const head of heads) {
      for (const dot of dots) {
        for (const tail of ["/etc/passwd", "/../../etc/passwd", ""]) {
          // Node's client refuses none of these; they go out as they stand.
          const { status, body } = await ask(lab.port, head + dot + tail);
          const body_ = body.toString("latin1");
          assert.ok(!body_.includes("root:"), head + dot + tail);
          assert.ok(status === 404 || body_ === "a small loader", `${head}${dot}${tail} → ${status}`);
        }
      }
    }
  });

  test("C2 HTTP/1.0 gets a length, no chunks, and the connection closes", async () => {
    const { text, closed } = await rawExchange(lab.port, `GET /a/${lab.small.sha256}/pxelinux.0 HTTP/1.0\r\n\r\n`);
    assert.match(text, /\r\ncontent-length: 14\r\n/i);
    assert.doesNotMatch(text, /transfer-encoding/i);
    assert.ok(text.endsWith("a small loader") && closed);
  });

  test("C6 header names stand in their registered case: GRUB compares them exactly", async () => {
    for (const target of [assetPath(), "/nothing"]) {
      const { text } = await rawExchange(lab.port, `HEAD ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      const names = text.split("\r\n").slice(1).flatMap((line) => /^([^:]+): /.exec(line)?.[1] ?? []);
      assert.ok(names.includes("Content-Length") && names.includes("Content-Type"), text);
      assert.deepEqual(names.filter((name) => name !== "ETag" && !/^([A-Z][a-z]+)(-[A-Z][a-z]+)*$/.test(name)), []);
    }
  });

  test("other methods are refused", async () => {
    for (const method of ["PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]) {
      assert.equal((await ask(lab.port, assetPath(), { method })).status, 405, method);
    }
    assert.equal((await ask(lab.port, assetPath(), { method: "POST", body: "x" })).status, 404);
  });

  test("F10 nonsense gets 400 with a body and is closed", async () => {
    for (const nonsense of ["\r\n\r\nnonsense\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02\0", `GET / HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(20_000)}\r\n\r\n`]) {
      const { text, closed } = await rawExchange(lab.port, nonsense);
      assert.match(text, /^HTTP\/1\.1 4\d\d .*\r\n\r\n.+/s, nonsense.slice(0, 20));
      assert.ok(closed);
    }
  });

  test("C1 configuration under /boot/ is the asker's own, and never cached", async () => {
    const { db1, db3 } = hosts;
    const own = await ask(lab.port, `/boot/bios/pxelinux.cfg/01-${db1.mac.replaceAll(":", "-")}`, { from: db1.address });
    assert.equal(own.body.toString(), `APPEND url=http://127.0.0.1:${lab.port}/answer/${lab.token("db1")}/preseed.cfg\n`);
    assert.equal(own.headers["cache-control"], "no-store");
    assert.equal((await ask(lab.port, "/boot/bios/pxelinux.cfg/default", { from: db3.address })).body.toString(), "LOCALBOOT -1\n");
    assert.equal((await ask(lab.port, "/boot/bios/pxelinux.0", { from: db1.address })).body.toString(), "a small loader");
    assert.equal((await ask(lab.port, "/boot/bios/pxelinux.cfg/default", { from: "127.0.0.99" })).status, 404);
    assert.ok(lab.events.some((event) => event.kind === "http.config" && event.host === "db1"));
    const told = (): number => lab.events.filter((event) => event.kind === "http.config").length;
    const before = told();
    for (let round = 0; round < 5; round++) await ask(lab.port, "/boot/bios/pxelinux.cfg/default", { from: db3.address });
    assert.ok(told() - before < 5, "a machine that asks without end is not told each time");
    assert.ok(!JSON.stringify(lab.events).includes(lab.token("db1")));
  });

  test("D16 a file that is cut while it is sent ends the connection short", async () => {
    const content = Buffer.alloc(8 * 1024 * 1024, 1);
    const asset = await lab.store("cut", content);
    const socket = connect(lab.port, "127.0.0.1");
    let got = 0;
    await new Promise<void>((resolve, reject) => {
      socket.once("data", (chunk: Buffer) => {
        got += chunk.length;
        socket.pause();
        truncate(path.join(lab.folder, "assets", asset.sha256), 1024).then(() => {
          socket.on("data", (more: Buffer) => { got += more.length; });
          socket.resume();
        }, reject);
      });
      socket.once("close", () => { resolve(); });
      socket.on("error", () => undefined);
      socket.write(`GET /a/${asset.sha256}/cut HTTP/1.1\r\nHost: x\r\n\r\n`);
    });
    assert.ok(got < content.length, `${got} bytes`);
    assert.ok(lab.events.some((event) => event.kind === "http.failed" && /^cut broke off after \d+ of 8388608 bytes/.test(event.text)));
    assert.equal((await ask(lab.port, `/a/${asset.sha256}/cut`)).status, 404);
  });
});

describe("HTTP limits", () => {
  test("F10 clients that dawdle are dropped: in the head, in the body, while reading, and idle", async () => {
    const lab = await httpLab({ limits: { headMs: 300, requestMs: 600, idleMs: 500, keepAliveMs: 300 } });
    try {
      const slow = await Promise.all([
        rawExchange(lab.port, "GET / HTT", 5000),
        rawExchange(lab.port, `POST /report/${lab.token("db1")} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nstage=`, 5000),
        rawExchange(lab.port, `GET /a/${lab.small.sha256}/x HTTP/1.1\r\nHost: x\r\n\r\n`, 5000),
        rawExchange(lab.port, "", 5000),
      ]);
      assert.deepEqual(slow.map(({ closed }) => closed), [true, true, true, true]);

      const big = await lab.store("big", Buffer.alloc(32 * 1024 * 1024));
      const socket = connect(lab.port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.write(`GET /a/${big.sha256}/big HTTP/1.1\r\nHost: x\r\n\r\n`);
      let ended = false;
      socket.once("close", () => { ended = true; });
      // Not a byte is read until the server must have given up.
      await new Promise((resolve) => { setTimeout(resolve, 1500); });
      let got = 0;
      socket.on("data", (chunk: Buffer) => { got += chunk.length; });
      await until("the connection is closed", () => ended);
      assert.ok(got < big.size, `${got} bytes`);
    } finally {
      await lab.close();
    }
  });

  test("a port that is taken is told by code", async () => {
    const lab = await httpLab();
    try {
      await assert.rejects(startHttp(lab.context, { addresses: ["127.0.0.1"], port: lab.port }), (error) => error instanceof PxeError && error.code === "PXE_PORT_TAKEN");
    } finally {
      await lab.close();
    }
  });

  test("close ends connections that are still busy", async () => {
    const lab = await httpLab();
    const big = await lab.store("big", Buffer.alloc(32 * 1024 * 1024));
    const socket = connect(lab.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(`GET /a/${big.sha256}/big HTTP/1.1\r\nHost: x\r\n\r\n`);
    await new Promise((resolve) => { socket.once("readable", resolve); });
    const started = Date.now();
    await lab.close();
    socket.destroy();
    assert.ok(Date.now() - started < 3000);
  });
});

describe("HTTP parsing", () => {
  test("F10 property: a range lies within the file", () => {
    const header = fc.oneof(fc.string(), fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `bytes=${a}-${b}`), fc.nat().map((a) => `bytes=-${a}`), fc.nat().map((a) => `bytes=${a}-`));
    fc.assert(fc.property(header, fc.nat(), (text, size) => {
      const range = parseRange(text, size);
      if (range.kind === "part") assert.ok(range.start >= 0 && range.start <= range.end && range.end < size);
    }), { numRuns: 2000 });
  });

  test("F10 property: no target leads to a part that names another folder", () => {
    const piece = fc.constantFrom("..", ".", "/", "%2e", "%2E", "%2f", "%5c", "\\", "%00", "a", "%61", "%", "%zz", "?", "#", "http://x", "%c3%a9", "\xff");
    fc.assert(fc.property(fc.array(piece, { maxLength: 16 }).map((pieces) => pieces.join("")), (target) => {
      for (const part of targetParts(target) ?? []) {
        assert.ok(part !== "" && part !== "." && part !== ".." && !/[/\\\x00-\x1f]/.test(part), JSON.stringify(part));
      }
    }), { numRuns: 3000 });
  });
});
