import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseDeb822, parseSourcesList, sourcesFor } from "../../lab/apt";

describe("package sources of the operator's machine", () => {
  const deb822 = [
    "Types: deb",
    "# a comment",
    "URIs: http://mirror.example/debian",
    "Suites: bookworm bookworm-updates",
    "Components: main contrib",
    "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
    "",
    "Enabled: no",
    "Types: deb",
    "URIs: http://off.example/debian",
    "Suites: bookworm",
    "Components: main",
  ].join("\n");

  test("deb822: lists, comments and disabled stanzas", () => {
    const signedBy = "/usr/share/keyrings/debian-archive-keyring.gpg";
    assert.deepEqual(parseDeb822(deb822), [
      { uri: "http://mirror.example/debian", suite: "bookworm", signedBy },
      { uri: "http://mirror.example/debian", suite: "bookworm-updates", signedBy },
    ]);
  });

  test("one-line style: options, comments, other types", () => {
    const text = [
      "# deb http://commented.example/debian trixie main",
      "deb [arch=amd64 signed-by=/etc/key.gpg] http://mirror.example/debian trixie main # ours",
      "deb-src http://mirror.example/debian trixie main",
      "deb http://security.example/debian-security trixie-security main non-free",
      "deb http://third.example/apt stable contrib",
    ].join("\n");
    assert.deepEqual(parseSourcesList(text), [
      { uri: "http://mirror.example/debian", suite: "trixie", signedBy: "/etc/key.gpg" },
      { uri: "http://security.example/debian-security", suite: "trixie-security" },
    ]);
  });

  test("only the machine's own release counts, rewritten for the one that is wanted", () => {
    const sources = [
      { uri: "http://mirror.example/debian", suite: "trixie" },
      { uri: "http://mirror.example/debian", suite: "trixie" },
      { uri: "http://security.example/debian-security", suite: "trixie-security", signedBy: "/k.gpg" },
      { uri: "http://third.example/apt", suite: "cloud-trixie" },
    ];
    assert.deepEqual(sourcesFor("bookworm", "trixie", sources), [
      "deb http://mirror.example/debian bookworm main",
      "deb [signed-by=/k.gpg] http://security.example/debian-security bookworm-security main",
    ]);
  });
});
