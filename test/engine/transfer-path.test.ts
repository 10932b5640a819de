import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bootPath } from "../../provider/engine/transfer-path";

describe("names of boot files", () => {
  test("D18 backslashes, doubled slashes, leading slashes and trailing 0xff", () => {
    for (const name of ["bios/pxelinux.0", "/bios/pxelinux.0", "\\bios\\pxelinux.0", "//bios///pxelinux.0", "./bios/./pxelinux.0", "bios/pxelinux.0\xff\xff"]) {
      assert.equal(bootPath(name), "bios/pxelinux.0", name);
    }
  });

  test("D19 what stays inside is served", () => {
    assert.equal(bootPath("a/../b"), "b");
    assert.equal(bootPath("bios/x/../../bios/ldlinux.c32"), "bios/ldlinux.c32");
    assert.equal(bootPath("/grubx64.efi"), "grubx64.efi");
    assert.equal(bootPath("pxelinux.cfg/01-52-54-00-12-34-56"), "pxelinux.cfg/01-52-54-00-12-34-56");
    assert.equal(bootPath("a..b/...c"), "a..b/...c");
  });

  test("D19 traversal and malformed names are refused", () => {
    const refused = [
      "", "/", "//", ".", "..", "../x", "/../x", "a/../../x", "..\\", "..\\x", "a\\..\\..\\x", "\\..\\x", "a/..", "a/.", "a/", "a\\",
      "a\0b", "\0", "a\nb", "a\x1bb", "\x7f", "%2e%2e/x", "a/%2E%2E/%2e%2e/x", "..%2fx", "..%5Cx", "x%00", "x%0a", "\xff", "../\xff",
      "x".repeat(256), `${"a/".repeat(200)}x`,
    ];
    for (const name of refused) assert.equal(bootPath(name), undefined, JSON.stringify(name));
  });

  test("D19 property: a path never leaves the tree and is stable", () => {
    const name = fc.array(fc.constantFrom("..", ".", "/", "\\", "a", "b.c", "%2e", "%", "\xff", "\0", " "), { maxLength: 20 }).map((parts) => parts.join(""));
    fc.assert(fc.property(fc.oneof(name, fc.string({ unit: "binary" })), (raw) => {
      const path = bootPath(raw);
      if (path === undefined) return;
      assert.ok(!path.startsWith("/") && !path.includes("\\") && !path.includes("//"));
      assert.ok(path.split("/").every((part) => part !== ".." && part !== "." && part !== ""));
      assert.equal(bootPath(path), path);
    }), { numRuns: 3000 });
  });
});
