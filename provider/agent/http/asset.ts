import { extname } from "node:path";
import { pipeline } from "node:stream/promises";
import { pxeError } from "../../errors";
import type { OpenAsset } from "../assets";
import { askerAt } from "../bootclient";
import type { AgentContext } from "../context";
import { parseRange } from "./range";
import { refuse, type Exchange } from "./reply";

/** Smallest file whose fetch is an event: kernels and initrds. */
const eventSize = 1024 * 1024;

/** EDK2 decides by these types whether it loads an image or mounts a disk; else by the extension. */
const types: Readonly<Record<string, string>> = {
  ".efi": "application/efi",
  ".iso": "application/vnd.efi-iso",
  ".img": "application/vnd.efi-img",
};

/** GET and HEAD of `/a/<sha256>/<name>`: content that never changes under its URL. */
export async function serveAsset(context: AgentContext, exchange: Exchange, sha256: string, name: string): Promise<void> {
  const asset = await context.assets.open(sha256);
  if (asset === undefined) {
    refuse(exchange, 404, "not found");
    return;
  }
  try {
    const started = context.clock();
    const { wanted, sent } = await sendAsset(exchange, asset, name);
    const seconds = ((context.clock() - started) / 1000).toFixed(1);
    if (sent < wanted) report(context, exchange, "http.failed", `${name} broke off after ${sent} of ${wanted} bytes and ${seconds} s`);
    else if (sent >= eventSize) report(context, exchange, "http.asset", `${name} fetched: ${sent} bytes in ${seconds} s`);
  } finally {
    await asset.close();
  }
}

function report(context: AgentContext, { address }: Exchange, kind: "http.asset" | "http.failed", text: string): void {
  const { host, client } = askerAt(context, address);
  context.emit({ kind, host: host?.document.name ?? null, mac: client.mac === address ? null : client.mac, address, text });
}

function isNotModified(header: string | undefined, etag: string): boolean {
  return header !== undefined && header.split(",").some((item) => item.trim() === "*" || item.trim().replace(/^W\//, "") === etag);
}

/** Bytes of a body that were to go out, and that did. */
interface Sent {
  readonly wanted: number;
  readonly sent: number;
}

const noBody: Sent = { wanted: 0, sent: 0 };

/** Sends the asset or what was asked of it. */
async function sendAsset(exchange: Exchange, asset: OpenAsset, name: string): Promise<Sent> {
  const { request, response } = exchange;
  const etag = `"${asset.sha256}"`;
  const headers = {
    ETag: etag,
    "Cache-Control": "public, max-age=31536000, immutable",
    "Accept-Ranges": "bytes",
    "Content-Type": types[extname(name).toLowerCase()] ?? "application/octet-stream",
  };
  if (isNotModified(request.headers["if-none-match"], etag)) {
    response.writeHead(304, headers).end();
    return noBody;
  }
  const ifRange = request.headers["if-range"];
  const range = parseRange(ifRange === undefined || ifRange === etag ? request.headers.range : undefined, asset.size);
  if (range.kind === "unsatisfiable") {
    refuse(exchange, 416, "no such range", { "Content-Range": `bytes */${asset.size}` });
    return noBody;
  }
  const { start, end } = range.kind === "part" ? range : { start: 0, end: asset.size - 1 };
  const length = end - start + 1;
  if (range.kind === "part") response.writeHead(206, { ...headers, "Content-Length": length, "Content-Range": `bytes ${start}-${end}/${asset.size}` });
  else response.writeHead(200, { ...headers, "Content-Length": length });
  if (request.method === "HEAD") {
    response.end();
    return noBody;
  }
  return sendPart(exchange, asset, start, end);
}

/** Sends the bytes, as far as the client takes them and the file has them; else the connection is ended short. */
async function sendPart({ response }: Exchange, asset: OpenAsset, start: number, end: number): Promise<Sent> {
  const wanted = end - start + 1;
  let sent = 0;
  const count = (bytes: number): void => { sent += bytes; };
  try {
    await pipeline(asset.stream(start, end), (chunks: AsyncIterable<Buffer>) => whole(chunks, wanted, count), response);
    return { wanted, sent: wanted };
  } catch {
    return { wanted, sent: Math.min(sent, wanted - 1) };
  }
}

/** A body shorter than its Content-Length would leave a kept-alive client waiting. */
async function* whole(chunks: AsyncIterable<Buffer>, length: number, count: (bytes: number) => void): AsyncIterable<Buffer> {
  let left = length;
  for await (const chunk of chunks) {
    left -= chunk.length;
    count(chunk.length);
    yield chunk;
  }
  if (left !== 0) throw pxeError("PXE_ASSET_MISSING", "the file was cut while it was read");
}
