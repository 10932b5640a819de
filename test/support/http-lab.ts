import { once } from "node:events";
import { request, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { startHttp, type HttpOptions } from "../../provider/agent/http";
import type { AssetSpec } from "../../provider/model/documents";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "./documents";
import { filesContext, randomContent, type FilesContext } from "./files-context";

/** Addresses and MACs of the lab's hosts: `db1` is armed, `db2` is armed too, `db3` only ever boots from its disk. */
export const hosts = {
  db1: { mac: "52:54:00:00:00:01", address: "127.0.0.11" },
  db2: { mac: "52:54:00:00:00:02", address: "127.0.0.12" },
  db3: { mac: "52:54:00:00:00:03", address: "127.0.0.13" },
} as const;

export const preseed = [
  "d-i preseed/early_command string wget http://‹server›/report/‹token›",
  "d-i netcfg/get_ipaddress string ‹address›",
  "d-i passwd/root-password-crypted password ‹secret:root›",
  "",
].join("\n");

/** The boot HTTP service on loopback, with three hosts, a small asset and a large one. */
export interface HttpLab extends FilesContext {
  readonly port: number;
  readonly small: AssetSpec;
  readonly large: AssetSpec;
  readonly largeContent: Buffer;
  token(host: keyof typeof hosts): string;
}

export async function httpLab(options: Partial<HttpOptions> = {}): Promise<HttpLab> {
  const base = await filesContext();
  const small = await base.store("pxelinux.0", Buffer.from("a small loader"));
  const largeContent = randomContent(3 * 1024 * 1024 + 17);
  const large = await base.store("initrd.gz", largeContent);
  const rendered = { "preseed.cfg": preseed, "bios/pxelinux.cfg": "APPEND url=http://‹server›/answer/‹token›/preseed.cfg\n", "bios/pxelinux.local.cfg": "LOCALBOOT -1\n" };
  const host = (name: keyof typeof hosts, install: "once" | "never") =>
    hostDocument({ macs: [hosts[name].mac], ip: hosts[name].address, install, rendered, secrets: { root: `geheim-${name}` } }, name);
  await base.put([
    serverDocument(),
    subnetDocument({ cidr: "127.0.0.0/24", pools: [], routers: [], dnsServers: ["10.77.0.254"] }),
    profileDocument({ kernel: small, initrd: [large], loaders: { bios: { program: small, modules: [] } } }),
    host("db1", "once"), host("db2", "once"), host("db3", "never"),
  ], ["db1", "db2", "db3"]);
  base.events.length = 0;
  const server = await startHttp(base.context, { addresses: ["127.0.0.1"], port: 0, ...options });
  return {
    ...base, small, large, largeContent, port: server.endpoints[0]?.port ?? 0,
    token: (name) => base.state.hostByMac(hosts[name].mac)?.facts.token ?? "",
    close: async () => {
      await server.close();
      await base.close();
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request from an address of choice. `target` goes out as it stands. */
export function ask(port: number, target: string, options: { from?: string; method?: string; headers?: Record<string, string>; body?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: "127.0.0.1", port, path: target, method: options.method ?? "GET", headers: options.headers ?? {}, agent: false,
      ...(options.from === undefined ? {} : { localAddress: options.from }),
    }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => { chunks.push(chunk); });
      incoming.on("end", () => { resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) }); });
      incoming.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(options.body);
  });
}

/** Sends bytes and returns all that came until the server closed, or the time limit. */
export async function rawExchange(port: number, text: string, limitMs = 3000): Promise<{ text: string; closed: boolean }> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => { chunks.push(chunk); });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(text, "latin1");
  const closed = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => { resolve(false); }, limitMs);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
  socket.destroy();
  return { text: Buffer.concat(chunks).toString("latin1"), closed };
}
