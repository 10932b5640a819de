import { AssetLibrary } from "./assets";
import { operationCancelled } from "./cancellation";
import { Connections } from "./connections";
import type { ResourceDefinition } from "./definition";
import { groupResource } from "./group";
import { hostResource } from "./host";
import type { DeployPort } from "./ports";
import { profileResource } from "./profile";
import { serverResource } from "./server";
import { subnetResource } from "./subnet";
import { DocumentTable } from "./table";
import { waitResource } from "./wait";

/** The resources by their providers' names, with what they share for as long as one operation lasts: connections, batches and the table of documents. */
export function resources(deploy: DeployPort): Record<"server" | "subnet" | "profile" | "host" | "group" | "wait", ResourceDefinition> {
  const connections = new Connections(deploy);
  const table = new DocumentTable();
  return {
    server: serverResource(connections, table, deploy),
    subnet: subnetResource(connections, table),
    profile: profileResource(connections, table, new AssetLibrary()),
    host: hostResource(connections, table),
    group: groupResource(connections, table),
    wait: waitResource(connections, operationCancelled()),
  };
}
