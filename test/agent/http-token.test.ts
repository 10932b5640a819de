import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { ask, hosts, httpLab, type HttpLab } from "../support/http-lab";

const { db1, db2, db3 } = hosts;

describe("answer files", () => {
  let lab: HttpLab;
  before(async () => { lab = await httpLab(); });
  after(() => lab.close());
  beforeEach(() => { lab.skip(10_000); });
  afterEach(() => { lab.events.length = 0; });
  const answer = (from: string, token = lab.token("db1"), file = "preseed.cfg", method = "GET") => ask(lab.port, `/answer/${token}/${file}`, { from, method });

  test("F11 the host itself gets it while it is armed, filled, and never to be stored", async () => {
    const { status, headers, body } = await answer(db1.address);
    assert.equal(status, 200);
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(headers["content-length"], String(body.length));
    assert.equal(body.toString(), [
      `d-i preseed/early_command string wget http://127.0.0.1:${lab.port}/report/${lab.token("db1")}`,
      "d-i netcfg/get_ipaddress string 127.0.0.11",
      "d-i passwd/root-password-crypted password geheim-db1",
      "",
    ].join("\n"));
    assert.deepEqual(lab.events.map(({ kind, host, mac, address, text }) => ({ kind, host, mac, address, text })), [
      { kind: "http.answer", host: "db1", mac: db1.mac, address: db1.address, text: "answer file preseed.cfg fetched by db1" },
    ]);
  });

  test("F11 HEAD is answered and is no fetch", async () => {
    const { status, body } = await answer(db1.address, undefined, undefined, "HEAD");
    assert.deepEqual([status, body.length], [200, 0]);
    assert.deepEqual(lab.events, []);
  });

  test("F11 another address, another host's token, no token: refused, with an event and without the secret", async () => {
    const cases: [string, string, number][] = [
      [db2.address, lab.token("db1"), 403],
      [db1.address, lab.token("db2"), 403],
      ["127.0.0.1", lab.token("db1"), 403],
      [db1.address, "guessed-token", 404],
      [db3.address, "x", 404],
    ];
    for (const [from, token, expected] of cases) {
      lab.skip(10_000);
      lab.events.length = 0;
      const { status, headers, body } = await answer(from, token);
      assert.equal(status, expected, `${from} ${token}`);
      assert.equal(headers.connection, "close");
      assert.ok(!body.toString().includes("geheim") && body.length > 0);
      assert.deepEqual(lab.events.map((event) => [event.kind, event.address]), [["http.refused", from]]);
      assert.ok(!lab.events[0]?.text.includes(token));
    }
  });

  test("F11 a scanner fills no event log", async () => {
    for (let i = 0; i < 50; i += 1) assert.equal((await answer("127.0.0.66", `guess${i}`)).status, 404);
    assert.equal(lab.events.length, 1);
  });

  test("F11 only answer files: no loader configuration, no inherited names", async () => {
    for (const file of ["ks.cfg", "bios%2fpxelinux.cfg", "pxelinux.cfg", "constructor", "__proto__", "toString", "preseed.cfg/x"]) {
      assert.equal((await answer(db1.address, undefined, file)).status, 404, file);
    }
  });

  test("F11 the leased address counts; a lease to another machine takes it away", async () => {
    assert.equal((await answer("127.0.0.50")).status, 403);
    lab.lease("127.0.0.50", db1.mac);
    const { status, body } = await answer("127.0.0.50");
    assert.equal(status, 200);
    assert.match(body.toString(), /string 127\.0\.0\.50\n/);
    lab.lease(db1.address, "52:54:00:00:00:99");
    assert.equal((await answer(db1.address)).status, 403);
    lab.skip(3700_000);
    assert.equal((await answer(db1.address)).status, 200, "a reservation goes before a lease that has run out");
    assert.equal((await answer("127.0.0.50")).status, 200, "an address that ran out and is nobody else's is still the host's");
  });

  test("F11 not once the installer writes, nor when it is done; the token is then void", async () => {
    const token = lab.token("db2");
    assert.equal((await answer(db2.address, token)).status, 200);
    assert.equal((await ask(lab.port, `/report/${token}`, { method: "POST", from: db2.address, body: "stage=wiping" })).status, 200);
    assert.equal((await answer(db2.address, token)).status, 403);
    assert.equal((await ask(lab.port, `/done/${token}`, { method: "POST", from: db2.address, body: "" })).status, 200);
    assert.equal((await answer(db2.address, token)).status, 404);
  });
});

describe("reports of an install", () => {
  let lab: HttpLab;
  beforeEach(async () => { lab = await httpLab(); });
  afterEach(() => lab.close());
  const post = (path: string, body: string, from: string = db1.address, headers: Record<string, string> = {}) => ask(lab.port, path, { method: "POST", from, body, headers });
  const state = (): string | undefined => lab.state.hostByMac(db1.mac)?.facts.state;

  test("stages move the install on, in the host's own words", async () => {
    assert.equal(state(), "armed");
    const { status, body } = await post(`/report/${lab.token("db1")}`, "stage=installing&text=partitioning+%2Fdev%2Fvda%0Anow");
    assert.deepEqual([status, body.toString()], [200, "ok\n"]);
    assert.equal(state(), "installing");
    assert.ok(lab.events.some((event) => event.kind === "host.installing" && event.text === "db1 reports: installing: partitioning /dev/vda now"));
    await post(`/report/${lab.token("db1")}`, "stage=wiping");
    assert.equal(state(), "wiping");
  });

  test("done records the public host keys without their comments", async () => {
    const key = `ssh-ed25519 ${"A".repeat(68)}`;
    const body = `${key} root@db1\r\n# comment\nnot a key\n${key}\necdsa-sha2-nistp256 ${"B".repeat(139)}= x\n`;
    assert.equal((await post(`/done/${lab.token("db1")}`, body, db1.address, { "content-type": "application/x-www-form-urlencoded" })).status, 200);
    assert.equal(state(), "installed");
    assert.deepEqual(lab.state.hostByMac(db1.mac)?.facts.sshHostKeys, [key, `ecdsa-sha2-nistp256 ${"B".repeat(139)}=`]);
  });

  test("F11 GETs and wrong askers change nothing", async () => {
    const token = lab.token("db1");
    assert.equal((await ask(lab.port, `/done/${token}`, { from: db1.address })).status, 404);
    assert.equal((await ask(lab.port, `/report/${token}?stage=wiping`, { from: db1.address })).status, 404);
    assert.equal((await post(`/done/${token}`, "", db2.address)).status, 403);
    assert.equal((await post("/done/guessed", "")).status, 404);
    for (const body of ["", "stage=", "stage=A%20B", `stage=${"x".repeat(50)}`, "text=only"]) assert.equal((await post(`/report/${token}`, body)).status, 400, body);
    assert.equal(state(), "armed");
  });

  test("F10 a body that is too long is refused, told ahead or not", async () => {
    const token = lab.token("db1");
    const long = `stage=installing&text=${"x".repeat(70_000)}`;
    for (const headers of [{}, { "transfer-encoding": "chunked" }]) {
      const status = await post(`/report/${token}`, long, db1.address, headers).then((answer) => answer.status, (error: unknown) => (error as NodeJS.ErrnoException).code);
      assert.ok(status === 413 || status === "ECONNRESET" || status === "EPIPE", String(status));
    }
    assert.equal(state(), "armed");
  });
});
