/**
 * A stand-in for the agent: the same command line and the parts of its control API that a deployment uses, in one file that
 * needs only Node. What it holds lies in `<data>/documents.json`. Compiled, it is installed as pxe-agent.cjs.
 */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { dirname, join } from "node:path";

/** Replaced by the test in the copy that it installs: `serve`, or how to fail. */
const behaviour = "FAKE_BEHAVIOUR=serve".replace("FAKE_BEHAVIOUR=", "");
const version = "FAKE_VERSION=1.0.0".replace("FAKE_VERSION=", "");

interface HeldDocument {
  readonly kind: string;
  readonly name: string;
  readonly owner: string;
  readonly rev?: number;
}

interface Batch {
  readonly owner: string;
  readonly put?: readonly HeldDocument[];
  readonly delete?: readonly { readonly kind: string; readonly name: string }[];
  readonly dryRun?: boolean;
}

function option(name: string, fallback: string): string {
  const index = process.argv.indexOf(name);
  return (index === -1 ? undefined : process.argv[index + 1]) ?? fallback;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function serve(data: string, socket: string): void {
  const file = join(data, "documents.json");
  const assets = new Set<string>();
  const held = (): HeldDocument[] => (existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as HeldDocument[]) : []);
  const bundle = createHash("sha256").update(readFileSync(__filename)).digest("hex");
  const answer = async (request: IncomingMessage): Promise<unknown> => {
    switch (`${request.method ?? ""} ${(request.url ?? "").replace(/[?].*$/, "").replace(/[0-9a-f]{64}$/, "SHA256")}`) {
      case "GET /v1/status": {
        const owners = [...new Set(held().map((item) => item.owner))];
        return { version, bundle, node: process.versions.node, pid: process.pid, revision: 1, uptimeSeconds: 1, ready: true, interfaces: [], owners, problems: [] };
      }
      case "GET /v1/documents":
        return { documents: held() };
      case "GET /v1/hosts":
        return { hosts: [] };
      case "GET /v1/leases":
        return { leases: [] };
      case "POST /v1/apply": {
        const batch = JSON.parse(await readBody(request)) as Batch;
        const rev = Math.max(0, ...held().map((item) => item.rev ?? 0)) + 1;
        const foreign = held().find((item) => item.kind === "server" && item.owner !== batch.owner);
        if (batch.dryRun === true) {
          const what = `the agent belongs to server/${foreign?.name ?? ""} of ${foreign?.owner ?? ""}`;
          return foreign === undefined ? { revision: rev, documents: [], hosts: [] } : { findings: [{ code: "PXE_OWNED_BY_OTHER", what, fix: "None.", where: [] }] };
        }
        const gone = new Set([...(batch.delete ?? []), ...(batch.put ?? [])].map((item) => `${item.kind}/${item.name}`));
        const rest = held().filter((item) => item.owner !== batch.owner || !gone.has(`${item.kind}/${item.name}`));
        writeFileSync(file, JSON.stringify([...rest, ...(batch.put ?? []).map((item) => ({ ...item, rev }))]));
        return { revision: rev, documents: [], hosts: [] };
      }
      case "POST /v1/assets/missing":
        return { missing: (JSON.parse(await readBody(request)) as { sha256: string[] }).sha256.filter((sum) => !assets.has(sum)) };
      case "PUT /v1/assets/SHA256": {
        const hash = createHash("sha256");
        for await (const chunk of request as AsyncIterable<Buffer>) hash.update(chunk);
        const sum = hash.digest("hex");
        assets.add(sum);
        return { sha256: sum, size: 0 };
      }
      default:
        return undefined;
    }
  };
  const server = createServer((request, response) => {
    if (request.url?.startsWith("/v1/events") === true) {
      const since = Number(/since=(\d+)/.exec(request.url)?.[1] ?? 0);
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let id = since + 1; id <= since + 2; id++) response.write(`id: ${String(id)}\ndata: ${JSON.stringify({ id, text: `event ${String(id)}` })}\n\n`);
      response.end();
      return;
    }
    void answer(request).then((body) => {
      const known = body !== undefined;
      const refused = typeof body === "object" && body !== null && "findings" in body;
      response.writeHead(refused ? 409 : known ? 200 : 404, { "content-type": "application/json" });
      const refusal = { findings: [{ code: "PXE_NOT_FOUND", what: "no such path", fix: "None.", where: [] }] };
      response.end(JSON.stringify(known ? body : refusal));
    });
  });
  mkdirSync(dirname(socket), { recursive: true });
  rmSync(socket, { force: true });
  server.listen(socket, () => {
    chmodSync(socket, 0o600);
  });
  process.once("SIGTERM", () => process.exit(0));
}

function main(): void {
  const socket = option("--socket", "/run/pulumi-pxe/control.sock");
  switch (process.argv[2]) {
    case "run":
      process.stdout.write("fake agent starts\n");
      if (behaviour === "die") {
        process.stderr.write("PXE_INTERNAL: the database is a teapot\n");
        process.exit(1);
      }
      serve(option("--data", "."), socket);
      break;
    case "ctl": {
      const line = connect(socket);
      line.on("error", (error) => {
        process.stderr.write(`PXE_AGENT_UNREACHABLE: nothing answers at ${socket}: ${error.message}\n`);
        process.exit(1);
      });
      process.stdin.pipe(line).pipe(process.stdout);
      line.on("close", () => process.exit(0));
      break;
    }
    default:
      process.stdout.write(`${version}\n`);
  }
}

main();
