import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { listRecords } from "../../lab";

const script = join(__dirname, "..", "..", "lab", "start.js");
const state = mkdtempSync(join(tmpdir(), "pxe-start-test-"));
const env = { ...process.env, XDG_STATE_HOME: state };

/** Runs the program behind `npm start` to its end. */
function start(...args: string[]): Promise<{ status: number | null; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--enable-source-maps", script, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => { text += chunk.toString("utf8"); });
    child.once("error", reject);
    child.once("close", (status) => { resolve({ status, text }); });
  });
}

/** Lines in this order, with anything between them. */
function inOrder(...parts: RegExp[]): RegExp {
  return new RegExp(parts.map((part) => part.source).join("[\\s\\S]*"));
}

after(async () => {
  await start("--down");
  rmSync(state, { recursive: true, force: true });
});

describe("npm start", () => {
  test("deploys to a real systemd over SSH; one machine runs debian-installer up to its answer file, the other boots its disk", async () => {
    const { status, text } = await start();
    assert.equal(status, 0, text);
    assert.match(text, inOrder(/PxeServer lab created/, /KickstartHost fresh created/));
    assert.match(text, inOrder(
      /dhcp\.ack .*\(fresh, bios, boots: install\)/, /tftp\.sent .*pxelinux\.cfg\/01-52-54-00-77-00-11/, /tftp\.sent .*\/linux sent/,
      /tftp\.sent .*\/initrd\.gz sent/, /dhcp\.ack .*10\.77\.0\.11/, /http\.answer .*preseed\.cfg/, /host\.installing .*fresh/,
    ));
    assert.match(text, inOrder(/dhcp\.ack .*\(settled, bios, boots: local\)/, /console +settled: boots from its disk/));
    assert.match(text, inOrder(/Time by phase:/, /pulumi up/, /boot from the network/, /in all/));
  });

  test("--down removes the lab and the session", async () => {
    const { status, text } = await start("--down");
    assert.equal(status, 0, text);
    process.env["XDG_STATE_HOME"] = state;
    assert.deepEqual(listRecords(), []);
    assert.deepEqual(readdirSync(join(state, "pulumi-pxe", "start")), []);
  });

  test("--local: the whole way on loopback, through installation to a boot from disk, and again gone", async () => {
    const { status, text } = await start("--local");
    assert.equal(status, 0, text);
    assert.match(text, inOrder(/boot file bios\/pxelinux\.0/, /answer file preseed\.cfg/, /reported done/, /from its disk/, /Time by phase:/));
    const down = await start("--down");
    assert.equal(down.status, 0, down.text);
    assert.deepEqual(readdirSync(join(state, "pulumi-pxe", "start")), []);
  });
});
