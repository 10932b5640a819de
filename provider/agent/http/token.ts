import { decideBoot } from "../../engine/boot";
import type { HostRecord } from "../../engine/facts";
import { isAnswerFile } from "../../model/rendered";
import { askerAt, fillAnswer, holdsAddress, rememberAddress } from "../bootclient";
import { cleaned } from "../clean";
import type { AgentContext, ProgressAnswer } from "../context";
import { BodyTooLong, readBody } from "./body";
import { refuse, sendBody, type Exchange } from "./reply";

/** One refusal of an address is told in this time, milliseconds: a scanner must not fill the event log. */
const quietMs = 5000;

/** What stands behind a token: answer files, and the reports of an install. */
export class TokenDesk {
  private readonly lastRefusal = new Map<string, number>();

  constructor(private readonly context: AgentContext) {}

  /** GET of `/answer/<token>/<file>`: only while the host installs, only to its own address. */
  answer(exchange: Exchange, token: string, file: string): void {
    const { context } = this;
    const host = this.hostOf(exchange, token, "an answer file");
    if (host === undefined) return;
    const asker = askerAt(context, exchange.address);
    const { name, spec } = host.document;
    const decision = decideBoot(host, asker.client, context.clock());
    if (decision.action !== "install") {
      this.refuse(exchange, 403, "not installing", `answer file of ${name} refused: ${decision.reason}`);
      return;
    }
    const text = isAnswerFile(file) && Object.hasOwn(spec.rendered, file) ? spec.rendered[file] : undefined;
    if (text === undefined) {
      this.refuse(exchange, 404, "not found", `${name} has no answer file of that name`);
      return;
    }
    const body = fillAnswer(text, host, { asker, server: exchange.server });
    sendBody(exchange, 200, body, { "Cache-Control": "no-store" });
    if (exchange.request.method !== "GET") return;
    context.emit({ kind: "http.answer", host: name, mac: asker.client.mac, address: exchange.address, text: `answer file ${file} fetched by ${name}` });
  }

  /** POST of `/report/<token>`: `stage=…&text=…`. */
  async report(exchange: Exchange, token: string): Promise<void> {
    await this.progress(exchange, token, "a report", (body) => {
      const fields = new URLSearchParams(body.trim());
      const stage = fields.get("stage") ?? "";
      if (!/^[a-z][a-z0-9-]{0,31}$/.test(stage)) return undefined;
      return this.context.lifecycle.report(token, stage, oneLine(fields.get("text") ?? ""));
    });
  }

  /** POST of `/done/<token>`: the installed system's public host keys, one a line. */
  async done(exchange: Exchange, token: string): Promise<void> {
    await this.progress(exchange, token, "its end", (body) => this.context.lifecycle.done(token, hostKeys(body)));
  }

  private async progress(exchange: Exchange, token: string, what: string, act: (body: string) => Promise<ProgressAnswer> | undefined): Promise<void> {
    const host = this.hostOf(exchange, token, what);
    if (host === undefined) return;
    let body: string;
    try {
      body = await readBody(exchange.request);
    } catch (error) {
      if (!(error instanceof BodyTooLong)) throw error;
      refuse(exchange, 413, "too long");
      return;
    }
    const acting = act(body);
    if (acting === undefined) {
      refuse(exchange, 400, "no stage is named");
      return;
    }
    const answer = await acting;
    if (answer.ok) sendBody(exchange, 200, "ok\n", { "Cache-Control": "no-store" });
    else this.refuse(exchange, answer.status, answer.reason, `${host.document.name} sent ${what}: ${answer.reason}`);
  }

  /** The host of a token, asked from its own address; otherwise the request has been refused. */
  private hostOf(exchange: Exchange, token: string, what: string): HostRecord | undefined {
    const host = this.context.state.hostByToken(token);
    if (host === undefined) {
      this.refuse(exchange, 404, "not found", `asked for ${what} with a token that no install has`);
      return undefined;
    }
    if (!holdsAddress(this.context, host, exchange.address)) {
      this.refuse(exchange, 403, "not your address", `${what} of ${host.document.name} refused: the address is not the host's`);
      return undefined;
    }
    rememberAddress(this.context, host, exchange.address);
    return host;
  }

  private refuse(exchange: Exchange, status: number, reason: string, text: string): void {
    refuse(exchange, status, reason);
    const now = this.context.clock();
    const { address } = exchange;
    if (now - (this.lastRefusal.get(address) ?? -Infinity) < quietMs) return;
    if (this.lastRefusal.size >= 1024) this.lastRefusal.clear();
    this.lastRefusal.set(address, now);
    const { host, client } = askerAt(this.context, address);
    this.context.emit({ kind: "http.refused", host: host?.document.name ?? null, mac: client.mac === address ? null : client.mac, address, text });
  }
}

/** A machine's own words, fit for one line of a log. */
function oneLine(text: string): string {
  return cleaned(text.replace(/[\x00-\x1f\x7f-\x9f]+/g, " ").trim());
}

/** Type and key of every line that is a public key; comments name users and machines, and are left out. */
function hostKeys(body: string): string[] {
  const keys = body.split("\n").flatMap((line) => /^\s*((?:ssh|ecdsa|sk)-[A-Za-z0-9@.-]{1,60} [A-Za-z0-9+/]{16,4096}={0,2})(?:\s|$)/.exec(line)?.[1] ?? []);
  return [...new Set(keys)].slice(0, 16);
}
