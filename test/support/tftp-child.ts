import { startTftp } from "../../provider/agent/tftp";
import { interfaceAddresses } from "../../provider/agent/sockets";
import { subnetDocument } from "./documents";
import { filesContext } from "./files-context";

/** A TFTP service for another process: `node tftp-child.js INTERFACE PORT CIDR`. Serves one text as `file`; ends with its input. */
async function main(): Promise<void> {
  const [name = "", port = "", cidr = ""] = process.argv.slice(2);
  const base = await filesContext();
  await base.put([subnetDocument({ cidr, pools: [], routers: [], dnsServers: [] })]);
  const server = await startTftp(base.context, {
    interface: { name, addresses: interfaceAddresses(name) }, port: Number(port), httpPort: 80,
    resolve: ({ path }) => (path === "file" ? { kind: "text", text: "served\n" } : { kind: "notFound", reason: "no such file" }),
  });
  process.stdout.write("ready\n");
  process.stdin.resume();
  process.stdin.once("end", () => {
    void server.close().then(() => base.close());
  });
}

void main();
