import { specSchemas, type HostDocument, type ProfileDocument, type ServerDocument, type SubnetDocument } from "../../provider/model/documents";
import type * as z from "zod";

/** The owner of documents in tests unless they say otherwise. */
export const owner = "lab/test";

const sum = (digit: string): string => digit.repeat(64);

export function serverDocument(spec: Partial<z.input<typeof specSchemas.server>> = {}, name = "rack1", of = owner): ServerDocument {
  return { kind: "server", name, owner: of, schemaVersion: 1, spec: specSchemas.server.parse({ interfaces: ["eth1"], ...spec }) };
}

export function subnetDocument(spec: Partial<z.input<typeof specSchemas.subnet>> = {}, name = "provisioning", of = owner): SubnetDocument {
  return {
    kind: "subnet", name, owner: of, schemaVersion: 1,
    spec: specSchemas.subnet.parse({
      cidr: "10.77.0.0/24", pools: [{ from: "10.77.0.100", to: "10.77.0.199" }], routers: ["10.77.0.254"], dnsServers: ["10.77.0.254"], ...spec,
    }),
  };
}

export function profileDocument(spec: Partial<z.input<typeof specSchemas.profile>> = {}, name = "debian12", of = owner): ProfileDocument {
  return {
    kind: "profile", name, owner: of, schemaVersion: 1,
    spec: specSchemas.profile.parse({
      distro: { family: "debian", release: "12" },
      kernel: { name: "linux", sha256: sum("a"), size: 3 },
      initrd: [{ name: "initrd.gz", sha256: sum("b"), size: 3 }],
      loaders: { bios: { program: { name: "pxelinux.0", sha256: sum("c"), size: 3 }, modules: [{ name: "ldlinux.c32", sha256: sum("d"), size: 3 }] } },
      ...spec,
    }),
  };
}

export function hostDocument(spec: Partial<z.input<typeof specSchemas.host>> = {}, name = "db1", of = owner): HostDocument {
  return {
    kind: "host", name, owner: of, schemaVersion: 1,
    spec: specSchemas.host.parse({
      macs: ["52:54:00:12:34:56"], ip: "10.77.0.11", hostname: name, subnet: "provisioning", profile: "debian12",
      rendered: { "preseed.cfg": "answer", "bios/pxelinux.cfg": "install", "bios/pxelinux.local.cfg": "local" }, ...spec,
    }),
  };
}
