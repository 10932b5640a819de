import { networkInterfaces } from "node:os";
import { finding, type Finding } from "../errors";
import type { StateView } from "../engine/view";
import type { ApplyRequest } from "../model/control";
import { documentLabel, type Document, type ServerDocument } from "../model/documents";
import { ipv4, network, type Ipv4Number } from "../model/ip";
import { unfillable } from "../render/placeholders";
import type { AssetStore } from "./assets";
import type { InterfaceSource } from "./serving";

/** What only the agent's machine knows. */
export interface LocalView {
  readonly state: Pick<StateView, "server">;
  readonly assets: Pick<AssetStore, "missing">;
}

/** An address of this machine with the network that it lies in. */
interface OwnAddress {
  readonly interface: string;
  readonly address: string;
  readonly first: Ipv4Number;
  readonly last: Ipv4Number;
}

/** What is wrong with a batch on this machine, whatever is right about it elsewhere. */
export function checkHere(batch: ApplyRequest, here: LocalView, source: InterfaceSource = networkInterfaces): Finding[] {
  const own = ownAddresses(source);
  const server = batch.put.find((doc) => doc.kind === "server") ?? here.state.server;
  const ofServer = server === undefined ? [] : [...unservedSubnets(batch, server, own), ...gatewayFindings(batch, server, own)];
  return [...missingAssets(batch, here.assets), ...ofServer, ...ownAddressFindings(batch, own), ...unfillableTexts(batch)];
}

/** A profile whose files are not here would be offered and then fail on the machine's screen. */
function missingAssets(batch: ApplyRequest, store: LocalView["assets"]): Finding[] {
  return batch.put.flatMap((doc) => {
    if (doc.kind !== "profile") return [];
    const { kernel, initrd, loaders } = doc.spec;
    const assets = [kernel, ...initrd, ...(loaders.bios === undefined ? [] : [loaders.bios.program, ...loaders.bios.modules])];
    const missing = new Set(store.missing(assets.map((asset) => asset.sha256)));
    return assets.filter((asset) => missing.has(asset.sha256)).map((asset) =>
      finding("PXE_ASSET_MISSING", `the file ${asset.name} (${asset.sha256.slice(0, 12)}…) is not on the agent`, {
        where: [{ document: documentLabel(doc) }], fix: "Upload it first: PUT /v1/assets/<sha256>.",
      }),
    );
  });
}

/** A text that can't be filled would fail when the machine asks for it. */
function unfillableTexts(batch: ApplyRequest): Finding[] {
  return batch.put.flatMap((doc) => {
    if (doc.kind !== "host") return [];
    return unfillable(doc.spec.rendered, doc.spec.secrets).map(({ path, reason }) =>
      finding("PXE_TEMPLATE_UNSAFE", reason, { where: [{ document: documentLabel(doc), property: `rendered["${path}"]` }] }),
    );
  });
}

/** Told only where every interface has an address: one that gets it later may be the subnet's. */
function unservedSubnets(batch: ApplyRequest, server: ServerDocument, own: readonly OwnAddress[]): Finding[] {
  const { interfaces } = server.spec;
  const served = own.filter((item) => interfaces.includes(item.interface));
  if (!interfaces.every((name) => served.some((item) => item.interface === name))) return [];
  return batch.put.flatMap((doc) => {
    if (doc.kind !== "subnet" || doc.spec.relays.length > 0) return [];
    const { first, last } = network(doc.spec.cidr);
    if (served.some((item) => item.first <= last && first <= item.last)) return [];
    const there = served.map((item) => `${item.interface} ${item.address}`).join(", ");
    return [
      finding("PXE_SUBNET_NOT_SERVED", `${doc.spec.cidr} lies on no interface that is served (${there})`, {
        where: [{ document: documentLabel(doc), property: "cidr" }, { document: documentLabel(server), property: "interfaces" }],
      }),
    ];
  });
}

/**
 * Machines that are sent to a router that routes nothing reach their own network only, and find out in the middle of an install. Only what
 * the batch brings is looked at: a server that is to be no gateway any more comes before the subnets that name another one.
 */
function gatewayFindings(batch: ApplyRequest, server: ServerDocument, own: readonly OwnAddress[]): Finding[] {
  if (server.spec.gateway !== undefined) return [];
  return batch.put.flatMap((doc) =>
    routersOf(doc).flatMap(({ property, routers }) =>
      routers.flatMap((router, index) => {
        const match = own.find((item) => item.address === router);
        if (match === undefined) return [];
        const where = [{ document: documentLabel(doc), property: `${property}[${String(index)}]` }, { document: documentLabel(server), property: "gateway" }];
        return [finding("PXE_NOT_GATEWAY", `${router} is the target's own address on ${match.interface}, and it is not to route`, { where })];
      }),
    ),
  );
}

function routersOf(doc: Document): { readonly property: string; readonly routers: readonly string[] }[] {
  if (doc.kind === "profile") return [];
  const own = { property: "options.routers", routers: "routers" in doc.spec.options ? (doc.spec.options.routers ?? []) : [] };
  if (doc.kind !== "subnet") return [own];
  const classes = doc.spec.classes.map(({ options }, index) => ({ property: `classes[${String(index)}].options.routers`, routers: options.routers ?? [] }));
  return [{ property: "routers", routers: doc.spec.routers }, ...classes];
}

function ownAddressFindings(batch: ApplyRequest, own: readonly OwnAddress[]): Finding[] {
  return batch.put.flatMap((doc) => {
    const match = doc.kind === "host" ? own.find((item) => item.address === doc.spec.ip) : undefined;
    if (match === undefined) return [];
    const where = [{ document: documentLabel(doc), property: "ip" }];
    return [finding("PXE_OUTSIDE_SUBNET", `${match.address} is the agent's own address on ${match.interface}`, { where })];
  });
}

/** None where the system can't tell. */
function ownAddresses(source: InterfaceSource): OwnAddress[] {
  let all: ReturnType<InterfaceSource>;
  try {
    all = source();
  } catch {
    return [];
  }
  return Object.entries(all).flatMap(([name, items = []]) =>
    items.filter((item) => item.family === "IPv4").map(({ address, cidr }) => {
      const size = 2 ** (32 - Number(cidr?.split("/")[1] ?? 32));
      const first = Math.floor(ipv4(address) / size) * size;
      return { interface: name, address, first, last: first + size - 1 };
    }),
  );
}
