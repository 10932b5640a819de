import type { IncomingMessage } from "node:http";

/** Longest body that is read, bytes. */
const longestBody = 64 * 1024;

/** The body is longer than any that is asked for. */
export class BodyTooLong extends Error {
  override readonly name = "BodyTooLong";
}

/** Reads a request's body as UTF-8 text. @throws BodyTooLong; errors of the connection */
export async function readBody(request: IncomingMessage): Promise<string> {
  if (Number(request.headers["content-length"] ?? 0) > longestBody) throw new BodyTooLong();
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > longestBody) throw new BodyTooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
