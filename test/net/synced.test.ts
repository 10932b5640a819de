import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { endAgent } from "../support/agent-process";
import { KillSite, macOf } from "../support/kill-site";

describe("a power cut", () => {
  // What a killed process has written the system still writes; without a sync a power cut would take it.
  test("A19 the disk has the lease before the ACK is sent: what was written to the log is synced in between", async (t) => {
    const site = await KillSite.create(t);
    const trace = join(site.folder, "trace");
    const calls = "pwrite64,pwritev,write,fsync,fdatasync,sendto,sendmsg,sendmmsg";
    const strace = spawn("strace", ["-f", "-y", "-x", "-s", "600", "-e", `trace=${calls}`, "-o", trace, "-p", String(site.pid)], { stdio: ["ignore", "ignore", "pipe"] });
    t.after(() => endAgent(strace, "SIGKILL"));
    await once(strace.stderr, "data");
    for (let machine = 0; machine < 20; machine++) assert.ok(await site.lease(macOf(machine)));
    await endAgent(strace, "SIGINT").catch(() => undefined);
    let dirty = false;
    let acks = 0;
    let synced = 0;
    for (const line of whole(readFileSync(trace, "utf8").split("\n"))) {
      if (/ p?writev?(?:64)?\(\d+<[^>]*agent\.db-wal>/.test(line)) dirty = true;
      else if (/ f(?:data)?sync\(\d+<[^>]*agent\.db-wal>\) += 0/.test(line)) {
        if (dirty) synced += 1;
        dirty = false;
      } else if (/ send/.test(line) && line.includes("\\x63\\x82\\x53\\x63\\x35\\x01\\x05")) {
        acks += 1;
        assert.equal(dirty, false, `ACK ${String(acks)} was sent before the log was synced`);
      }
    }
    assert.ok(acks >= 20 && synced >= 20, `${String(acks)} ACKs, ${String(synced)} syncs`);
  });
});

/** Calls in the order in which they ended: strace writes one in two pieces where another thread's came in between. */
function whole(lines: readonly string[]): string[] {
  const begun = new Map<string, string>();
  return lines.flatMap((line) => {
    const [, thread = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const head = /^(.*?) *<unfinished \.\.\.>$/.exec(rest)?.[1];
    if (head !== undefined) {
      begun.set(thread, head);
      return [];
    }
    const tail = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1];
    return [tail === undefined ? line : `${thread} ${begun.get(thread) ?? ""}${tail}`];
  });
}
