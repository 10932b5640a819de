import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { closeLines, openLines } from "../../provider/deploy/firewall";
import { serverSpec } from "../../provider/model/documents";

describe("names in commands that root runs", () => {
  test("an interface has none that a shell or a packet filter takes for something else", () => {
    const isName = (name: string): boolean => serverSpec.safeParse({ interfaces: [name] }).success;
    for (const name of ["eth0", "eth0.100", "br-lan", "enp0s31f6", "wlan0_ap", "enx525400123456", "eth0@if2", "bond0.10-a", "büro"]) assert.ok(isName(name), name);
    for (const name of ["x;reboot;y", "a b", "a&b", "a|b", "$(id)", "`id`", "a'b", 'a"b', "a\\b", "a>b", "a*", "a?", "{a}", "~a", "!a", "#a", "eth+", "-i", "..", "a\u0000b", "a\nb", "a/b", "a:1", "sixteen-letters-"]) {
      assert.ok(!isName(name), name);
    }
  });

  test("whatever they are, they stay one word each", (t) => {
    const folder = mkdtempSync(join(tmpdir(), "pxe-names-"));
    t.after(() => { rmSync(folder, { recursive: true, force: true }); });
    for (const program of ["firewall-cmd", "ufw", "nft", "iptables"]) writeFileSync(join(folder, program), `#!/bin/sh\nprintf '%s\\n' "$@"\necho '# handle 1'\n`, { mode: 0o755 });
    const nasty = `x$(touch ran);touch\tran;'touch' ran`;
    const places = { firewalld: nasty, ufw: "", nftables: `inet ${nasty.replaceAll(/\s/g, "")} input`, iptables: "" } as const;
    for (const program of ["firewalld", "ufw", "nftables", "iptables"] as const) {
      const closed = ["67/udp", "forward"].map((what) => ({ program, place: places[program], interface: nasty, what }));
      for (const lines of [openLines(closed, "deployment"), closeLines(closed)]) {
        // "iptables -D" is done again until it fails.
        const said = execFileSync("sh", ["-c", lines.map((line) => line.replace("while iptables", "if iptables").replace("do :; done", "then :; fi")).join("\n")], { cwd: folder, encoding: "utf8", env: { PATH: `${folder}:/usr/bin:/bin` } });
        assert.deepEqual(readdirSync(folder).toSorted(), ["firewall-cmd", "iptables", "nft", "ufw"], `${program}: ${said}`);
      }
    }
  });
});
