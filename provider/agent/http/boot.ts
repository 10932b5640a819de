import { errorText, PxeError } from "../../errors";
import { askerAt, fillLoaderText, type BootResolver } from "../bootclient";
import { cleaned } from "../clean";
import type { AgentContext } from "../context";
import { serveAsset } from "./asset";
import { refuse, sendBody, type Exchange } from "./reply";

/** GET and HEAD of `/boot/<path>`: loaders and their configuration, for who asks. */
export async function serveBoot(context: AgentContext, resolve: BootResolver, exchange: Exchange, path: string): Promise<void> {
  const { address, server } = exchange;
  const asker = askerAt(context, address);
  const { host, client } = asker;
  const file = resolve({ path, host, client }, context.clock());
  switch (file.kind) {
    case "notFound":
      refuse(exchange, 404, "not found");
      return;
    case "asset":
      await serveAsset(context, exchange, file.asset.sha256, file.asset.name);
      return;
    case "text": {
      let text: string;
      try {
        text = fillLoaderText(file.text, { asker, server });
      } catch (error) {
        if (!(error instanceof PxeError)) throw error;
        context.log.error({ error: errorText(error), path: cleaned(path), address }, "loader configuration");
        refuse(exchange, 500, "the configuration can't be made");
        return;
      }
      sendBody(exchange, 200, text, { "Cache-Control": "no-store" });
      const event = { kind: "http.config", host: host?.document.name ?? null, mac: client.mac === address ? null : client.mac, address } as const;
      if (exchange.request.method === "GET") context.emit({ ...event, text: `${path} fetched: ${Buffer.byteLength(text)} bytes` });
    }
  }
}
