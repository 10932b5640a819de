import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, test } from "node:test";
import { cpuSecondsOf, rssBytesOf, usageOfTree } from "../../bench/process-usage";

describe("what a process has used", () => {
  test("is read past a name with spaces and brackets, children that have ended with it", () => {
    const stat = "4711 (a) b (c)) S 1 4711 4711 0 -1 4194304 100 0 0 0 123 45 30 2 20 0 1 0 100 1000000 200 18446744073709551615";
    assert.equal(cpuSecondsOf(stat), 2);
    assert.equal(rssBytesOf("Name:\tnode\nVmHWM:\t  999 kB\nVmRSS:\t    1024 kB\n"), 1024 * 1024);
  });

  test("counts what its children use while they run", async (t) => {
    const child = spawn("/bin/sh", ["-c", `"${process.execPath}" -e 'const end = Date.now() + 60000; for (;;) if (Date.now() > end) break' & echo $!; wait`], { stdio: ["ignore", "pipe", "inherit"] });
    const pid = await new Promise<number>((resolve) => { child.stdout.setEncoding("utf8").once("data", (text: string) => { resolve(Number(text)); }); });
    t.after(() => {
      process.kill(pid, "SIGKILL");
      child.kill("SIGKILL");
    });
    const end = Date.now() + 30_000;
    while (usageOfTree(child.pid ?? 0).cpuSeconds < 0.2) {
      assert.ok(Date.now() < end, "a child that does nothing but count uses CPU");
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
    assert.ok(usageOfTree(child.pid ?? 0).rssBytes > 10 * 1024 * 1024);
  });
});
