import { createHash } from "node:crypto";
import { request } from "node:http";
import { pxeError } from "../../provider/errors";

/** What came back. */
export interface HttpResult {
  readonly status: number;
  readonly size: number;
  readonly sha256: string;
  /** The body where it is text of reasonable length; empty otherwise. */
  readonly text: string;
}

/** Longest body that is kept as text, bytes. */
const longestText = 1024 * 1024;
const timeoutMs = 30_000;

/** One request from the machine's own address. A body makes it a POST. @throws PXE_LAB_FAILED */
export function httpFetch(url: string, from: string, body?: string): Promise<HttpResult> {
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown): void => { reject(pxeError("PXE_LAB_FAILED", `${url} could not be fetched`, { cause })); };
    const outgoing = request(url, {
      method: body === undefined ? "GET" : "POST", localAddress: from, agent: false, timeout: timeoutMs,
      headers: body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" },
    }, (incoming) => {
      const hash = createHash("sha256");
      const kept: Buffer[] = [];
      let size = 0;
      incoming.on("data", (chunk: Buffer) => {
        hash.update(chunk);
        size += chunk.length;
        if (size <= longestText) kept.push(chunk);
      });
      incoming.on("error", failed);
      incoming.on("end", () => {
        const text = size <= longestText ? Buffer.concat(kept).toString("utf8") : "";
        resolve({ status: incoming.statusCode ?? 0, size, sha256: hash.digest("hex"), text });
      });
    });
    outgoing.on("timeout", () => { outgoing.destroy(new Error(`no answer in ${timeoutMs} ms`)); });
    outgoing.on("error", failed);
    outgoing.end(body);
  });
}
