import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { get } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { simulateBoot } from "../../lab/simclient";

/** What clients do until the file `until` is there. */
export interface BootLoop {
  readonly server: string;
  readonly relay: string;
  readonly macs: readonly string[];
  /** Fetched slowly, at once, by one more client. */
  readonly slow: string;
  readonly until: string;
}

export interface BootLoopResult {
  readonly boots: number;
  readonly failures: readonly string[];
  /** SHA-256 of the slow transfer. */
  readonly slow: string;
}

/** Machines that boot again and again, in a process of its own so that it can run in a namespace: `node boot-loop.js JSON`. */
async function main(loop: BootLoop): Promise<void> {
  const failures: string[] = [];
  let boots = 0;
  const machines = loop.macs.map(async (mac) => {
    while (!existsSync(loop.until)) {
      const boot = { mac, server: loop.server, dhcpPort: 67, tftpPort: 69, relay: loop.relay, install: false };
      await simulateBoot(boot).then((result) => { if (result.action !== "install") failures.push(result.action); }, (error: unknown) => failures.push(String(error)));
      boots += 1;
    }
  });
  const slow = fetchSlowly(loop.slow, loop.relay).catch((error: unknown) => String(error));
  await Promise.all(machines);
  const result: BootLoopResult = { boots, failures, slow: await slow };
  process.stdout.write(JSON.stringify(result));
}

function fetchSlowly(url: string, from: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false, localAddress: from }, (response) => {
      void (async () => {
        const hash = createHash("sha256");
        for await (const chunk of response as AsyncIterable<Buffer>) {
          hash.update(chunk);
          await delay(8);
        }
        resolve(hash.digest("hex"));
      })().catch(reject);
    }).on("error", reject);
  });
}

main(JSON.parse(process.argv[2] ?? "") as BootLoop).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
