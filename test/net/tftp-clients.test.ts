import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { command } from "../support/command";
import { randomContent, until } from "../support/files-context";
import { lossyProxy, tftpLab, type Fate, type TftpLab } from "../support/tftp-lab";

/** The client of the npm package `tftp`, which has no types. */
interface NpmTftp {
  createClient(options: { host: string; port: number; blockSize?: number; windowSize?: number }): {
    get(remote: string, local: string, done: (error?: Error | null) => void): void;
  };
}
const npmTftp = createRequire(__filename)("tftp") as NpmTftp;

/** Fetches a file with one program; the file is what came out. */
type Fetch = (port: number, file: string, out: string) => Promise<void>;

async function good(program: string, args: readonly string[], input?: string): Promise<void> {
  const { code, stderr, stdout } = await command(program, args, input === undefined ? {} : { input });
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${stderr}${stdout.toString("latin1").slice(0, 500)}`);
}

const curl = (...options: string[]): Fetch => (port, file, out) => good("curl", ["-sS", "-o", out, ...options, `tftp://127.0.0.1:${port}/${file}`]);
const atftp = (...options: string[]): Fetch => (port, file, out) =>
  good("atftp", ["--get", "-r", file, "-l", out, ...options.flatMap((option) => ["--option", option]), "127.0.0.1", String(port)]);
const hpa: Fetch = (port, file, out) => good("tftp", ["-m", "binary", "127.0.0.1", String(port), "-c", "get", file, out]);
const busybox = (...options: string[]): Fetch => (port, file, out) => good("busybox", ["tftp", "-g", ...options, "-r", file, "-l", out, "127.0.0.1", String(port)]);
const npm = (blockSize: number, windowSize: number): Fetch => (port, file, out) => {
  const client = npmTftp.createClient({ host: "127.0.0.1", port, blockSize, windowSize });
  return new Promise((resolve, reject) => {
    client.get(file, out, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
};

const clients: readonly (readonly [string, Fetch])[] = [
  ["curl", curl()],
  ["curl, blksize 1468", curl("--tftp-blksize", "1468")],
  ["curl, no options", curl("--tftp-no-options")],
  ["atftp", atftp()],
  ["atftp, blksize 1428, windowsize 8", atftp("blksize 1428", "windowsize 8")],
  ["atftp, tsize, timeout, windowsize 64", atftp("tsize 0", "timeout 3", "windowsize 64")],
  ["tftp-hpa", hpa],
  ["busybox", busybox()],
  ["busybox, blksize 1468", busybox("-b", "1468")],
  ["npm tftp, 1468, window 4", npm(1468, 4)],
  ["npm tftp, 512, window 1", npm(512, 1)],
];

describe("TFTP with clients from elsewhere", () => {
  let lab: TftpLab;
  let folder = "";
  const large = randomContent(1_000_000);
  before(async () => {
    lab = await tftpLab();
    folder = await mkdtemp(path.join(tmpdir(), `pxe-tftp-${process.pid}-`));
    await lab.addAsset("large", large);
  });
  after(async () => {
    await lab.close();
    await rm(folder, { recursive: true, force: true });
  });

  for (const [name, fetch] of clients) {
    test(`D5 D6 D9 D13 ${name}`, async () => {
      const id = name.replace(/[^a-z0-9]+/g, "-");
      const sizes = [1, 511, 512, 1024, 1468 * 2, 1428 * 8, 100_000, 300_000];
      for (const size of sizes) {
        const content = randomContent(size);
        await lab.addAsset(`${id}-${size}`, content);
        const out = path.join(folder, `${id}-${size}`);
        await fetch(lab.port, `${id}-${size}`, out);
        assert.ok((await readFile(out)).equals(content), `${size} bytes`);
      }
    });
  }

  test("D12 34 MB at 512: block numbers roll over", async () => {
    const content = randomContent(34 * 1024 * 1024);
    await lab.addAsset("rollover", content);
    const rolling: readonly (readonly [string, Fetch])[] = [
      ["curl", curl()], ["atftp", atftp("windowsize 16")],
    ];
    await Promise.all(rolling.map(async ([name, fetch]) => {
      const out = path.join(folder, `rollover-${name}`);
      await fetch(lab.port, "rollover", out);
      assert.ok((await readFile(out)).equals(content), name);
    }));
  });

  test("many clients at once, each gets its file", async () => {
    const before = lab.events.length;
    const runs = Array.from({ length: 12 }, (_, at) => clients[at % clients.length]?.[1] ?? curl());
    await Promise.all(runs.map(async (fetch, at) => {
      const out = path.join(folder, `many-${at}`);
      await fetch(lab.port, "large", out);
      assert.ok((await readFile(out)).equals(large), String(at));
    }));
    // Repeats of one file by one machine within a second are told once.
    await until("it is told as sent", () => lab.events.slice(before).some((event) => event.kind === "tftp.sent" && event.text.startsWith("large sent")), 10_000);
  });

  test("D1 a missing file and a write are refused in words that clients show", async () => {
    const missing = await command("curl", ["-sS", `tftp://127.0.0.1:${lab.port}/nothing`]);
    assert.equal(missing.code, 68, missing.stderr);
    const written = await command("curl", ["-sS", "-T", "/etc/hostname", `tftp://127.0.0.1:${lab.port}/x`]);
    assert.notEqual(written.code, 0);
  });

  const fates: readonly (readonly [string, Fate])[] = [
    ["every 47th packet lost", (nth) => (nth % 47 === 0 ? 0 : 1)],
    // atftp gives up at a second OACK, whoever repeats it.
    ["every packet twice", (nth) => (nth > 3 ? 2 : 1)],
    ["losses and copies", (nth) => (nth % 53 === 0 ? 0 : nth % 7 === 0 ? 2 : 1)],
  ];
  for (const [name, fate] of fates) {
    test(`D9 D10 on a bad network: ${name}`, async () => {
      const content = randomContent(60_000);
      await lab.addAsset("lossy", content);
      const sturdy: readonly (readonly [string, Fetch])[] = [
        ["curl", curl("--tftp-blksize", "1468")],
        ["atftp", atftp("blksize 1428", "timeout 1")],
        ["atftp windowed", atftp("blksize 1428", "windowsize 8", "timeout 1")],
        ["busybox", busybox("-b", "1468")],
      ];
      await Promise.all(sturdy.map(async ([client, fetch]) => {
        // A proxy counts its own packets, so that a client's losses don't depend on the others.
        const proxy = await lossyProxy(lab.port, fate);
        try {
          const out = path.join(folder, `lossy-${client}-${name}`.replaceAll(" ", "-"));
          await fetch(proxy.port, "lossy", out);
          assert.ok((await readFile(out)).equals(content), client);
        } finally {
          proxy.close();
        }
      }));
    });
  }
});
