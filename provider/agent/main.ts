import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { basename } from "node:path";
import { Command } from "commander";
import { PxeError, errorFromBody, errorText, findingText, pxeError } from "../errors";
import { documentsFile, type AssetSpec, type DocumentsFile } from "../model/documents";
import { validate } from "../model/validate";
import { bridge } from "./ctl";
import { startAgent } from "./run";
import { agentVersion } from "./version";

const defaultSocket = "/run/pulumi-pxe/control.sock";

/** Reads a documents file. @throws PxeError with every finding by property path */
function readDocuments(path: string): DocumentsFile {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw pxeError("PXE_INPUT_INVALID", `${path} cannot be read as JSON: ${errorText(error)}`, { cause: error, fix: "Correct the file." });
  }
  const result = validate(documentsFile, value, basename(path));
  if (result.ok) return result.value;
  const [first, ...rest] = result.findings;
  throw first === undefined ? pxeError("PXE_INTERNAL", "a file was refused without a reason") : new PxeError([first, ...rest]);
}

/** Documents that are applied at every start: an order to install among them would be given at every start. */
function readStandingDocuments(path: string): DocumentsFile {
  const file = readDocuments(path);
  if (file.arm.length === 0) return file;
  throw pxeError("PXE_INPUT_INVALID", "a file that is applied at every start can't order an install", {
    where: [{ document: basename(path), property: "arm" }], fix: "Leave arm out, and give the order once: pxe-agent apply FILE --arm HOST.",
  });
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

function call(socketPath: string, method: string, path: string, body: { json: unknown } | { file: string; size?: number }): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const type = "json" in body ? "application/json" : "application/octet-stream";
    const request = httpRequest({ socketPath, method, path, headers: { "content-type": type } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => { resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString() || "null") }); });
    });
    request.on("error", (error) => { reject(pxeError("PXE_AGENT_UNREACHABLE", `nothing answers at ${socketPath}: ${errorText(error)}`, { cause: error })); });
    if ("json" in body) request.end(JSON.stringify(body.json));
    else createReadStream(body.file).on("error", reject).pipe(request);
  });
}

async function checkedCall(...args: Parameters<typeof call>): Promise<unknown> {
  const reply = await call(...args);
  if (reply.status < 400) return reply.body;
  throw errorFromBody(reply.body) ?? pxeError("PXE_AGENT_REFUSED", `the agent answered ${String(reply.status)}`);
}

async function addAsset(path: string, socket: string): Promise<AssetSpec> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  const sha256 = hash.digest("hex");
  await checkedCall(socket, "PUT", `/v1/assets/${sha256}`, { file: path });
  return { name: basename(path), sha256, size };
}

/** Exit status of an agent that found the folder served by another: its service must not try again (the unit names it). */
const otherServes = 75;

/** Whether to take over: by the option, or by an order in the file that PXE_TAKE_OVER names. An order is good for one try. */
function isToTakeOver(option: boolean | undefined): boolean {
  const order = process.env["PXE_TAKE_OVER"];
  if (order === undefined || !existsSync(order)) return option === true;
  rmSync(order, { force: true });
  return true;
}

async function run(options: { data: string; socket: string; config?: string; takeOver?: boolean }): Promise<void> {
  process.umask(0o077);
  // Warnings go there too: a full disk under it must not end the agent.
  process.stderr.on("error", () => undefined);
  const file = options.config === undefined ? undefined : readStandingDocuments(options.config);
  const takeOver = isToTakeOver(options.takeOver);
  const agent = await startAgent({ data: options.data, socket: options.socket, file, takeOver }).catch((error: unknown) => {
    const other = process.env["PXE_TAKE_OVER"] !== undefined && (takeOver || (error instanceof PxeError && error.code === "PXE_AGENT_RUNNING"));
    if (other) process.exitCode = otherServes;
    throw error;
  });
  // sd_notify(3): only systemd-notify speaks to a datagram socket that Node can't open.
  if (process.env["NOTIFY_SOCKET"] !== undefined) execFile("systemd-notify", ["--ready"], () => undefined);
  const stop = (): void => {
    agent.close().then(() => process.exit(0), (error: unknown) => {
      process.stderr.write(`${errorText(error)}\n`);
      process.exit(1);
    });
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  agent.replaced.then(() => process.exit(0), fail);
}

async function apply(path: string, options: { socket: string; arm: string[] }): Promise<void> {
  const file = readDocuments(path);
  for (const owner of new Set(file.documents.map((doc) => doc.owner))) {
    const put = file.documents.filter((doc) => doc.owner === owner);
    const hosts = new Set(put.filter((doc) => doc.kind === "host").map((doc) => doc.name));
    const arm = [...new Set([...file.arm, ...options.arm])].filter((name) => hosts.has(name)).map((host) => ({ host, reason: "create" }));
    print(await checkedCall(options.socket, "POST", "/v1/apply", { json: { owner, put, arm } }));
  }
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}

async function main(): Promise<void> {
  const program = new Command("pxe-agent").description("The boot agent of pulumi-pxe: DHCP, TFTP and HTTP for declared machines").version(agentVersion);
  program.command("run").description("serve until stopped")
    .requiredOption("--data <dir>", "folder of the database and the files")
    .option("--socket <path>", "control socket", defaultSocket)
    .option("--config <file>", "documents to apply first (JSON)")
    .option("--take-over", "take over from the agent that serves the folder, if there is one")
    .action(run);
  program.command("apply").description("apply a file of documents to a running agent")
    .argument("<file>").option("--socket <path>", "control socket", defaultSocket)
    .option("--arm <host>", "install this host if nothing is known of it; may be repeated", collect, [])
    .action(apply);
  program.command("add-asset").description("store files on a running agent and print how documents name them")
    .argument("<file...>").option("--socket <path>", "control socket", defaultSocket)
    .action(async (files: string[], options: { socket: string }) => {
      for (const file of files) print(await addAsset(file, options.socket));
    });
  program.command("ctl").description("join standard input and output to the control socket")
    .option("--socket <path>", "control socket", defaultSocket)
    .action((options: { socket: string }) => bridge(options.socket));
  await program.parseAsync();
}

function fail(error: unknown): void {
  process.stderr.write(`${error instanceof PxeError ? error.findings.map(findingText).join("\n") : errorText(error)}\n`);
  process.exit(process.exitCode ?? 1);
}

main().catch(fail);
