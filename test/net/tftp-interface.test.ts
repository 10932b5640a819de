import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { command } from "../support/command";

const server = `pxe-${process.pid}-ts`;
const client = `pxe-${process.pid}-tc`;

/** Sends a read request and prints the first packet's opcode, or `nothing`. Arguments: address, port, file, options. */
const asking = `
const [address, port, ...parts] = process.argv.slice(1);
const socket = require("node:dgram").createSocket("udp4");
socket.on("message", (packet) => { console.log(packet.readUInt16BE(0), packet.toString("latin1", 2).replaceAll("\\0", " ").trim()); process.exit(); });
socket.bind(0, () => {
  socket.setBroadcast(true);
  socket.send(Buffer.from("\\0\\x01" + parts.map((part) => part + "\\0").join(""), "latin1"), Number(port), address);
});
setTimeout(() => { console.log("nothing"); process.exit(); }, 1000);
`;

async function ip(...args: string[]): Promise<void> {
  const { code, stderr } = await command("ip", args);
  assert.equal(code, 0, `ip ${args.join(" ")}: ${stderr} (this test needs root)`);
}

describe("TFTP on an interface of a network of its own", () => {
  let child: ChildProcess | undefined;
  before(async () => {
    for (const name of [server, client]) await ip("netns", "add", name);
    await ip("-n", server, "link", "add", "eth1", "mtu", "1280", "type", "veth", "peer", "name", "eth1", "netns", client);
    await ip("-n", server, "link", "add", "other", "type", "veth", "peer", "name", "other", "netns", client);
    for (const [namespace, device, address] of [[server, "eth1", "10.77.0.1"], [client, "eth1", "10.77.0.50"], [server, "other", "10.77.1.1"], [client, "other", "10.77.1.50"]] as const) {
      await ip("-n", namespace, "addr", "add", `${address}/24`, "broadcast", "+", "dev", device);
      await ip("-n", namespace, "link", "set", device, "up");
    }
    child = spawn("ip", ["netns", "exec", server, process.execPath, path.join(__dirname, "../support/tftp-child.js"), "eth1", "69", "10.77.0.0/16"], { stdio: ["pipe", "pipe", "inherit"] });
    assert.ok(child.stdout !== null);
    await once(child.stdout, "data");
  });
  after(async () => {
    const gone = child?.exitCode === null ? once(child, "exit") : Promise.resolve();
    child?.stdin?.end();
    await gone;
    for (const name of [server, client]) await command("ip", ["netns", "del", name]);
  });

  async function ask(address: string, ...parts: string[]): Promise<string> {
    const { stdout, stderr } = await command("ip", ["netns", "exec", client, process.execPath, "-e", asking, address, "69", ...parts]);
    return stdout.toString("utf8").trim() + stderr;
  }

  test("D2 D7 a request to the interface's address is answered", async () => {
    assert.equal(await ask("10.77.0.1", "file", "octet"), "3 \u0001served");
  });

  test("D3 a request to a broadcast address is ignored", async () => {
    for (const address of ["10.77.0.255", "255.255.255.255"]) assert.equal(await ask(address, "file", "octet"), "nothing", address);
  });

  test("D15 blksize is capped at the interface's MTU - 32", async () => {
    assert.equal(await ask("10.77.0.1", "file", "octet", "blksize", "1468"), "6 blksize 1248");
  });

  test("F4 the interface's address is not served by way of another interface", async () => {
    await ip("-n", client, "route", "add", "10.77.0.1/32", "via", "10.77.1.1", "dev", "other");
    assert.equal(await ask("10.77.0.1", "file", "octet"), "nothing");
    await ip("-n", client, "route", "del", "10.77.0.1/32");
    assert.equal(await ask("10.77.0.1", "file", "octet"), "3 \u0001served");
  });
});
