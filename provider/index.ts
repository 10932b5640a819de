import { adapt } from "./resources/adapter";
import { deployment } from "./resources/deployment";
import { resources } from "./resources/wiring";

const definitions = resources(deployment);

/**
 * The dynamic providers, by the names that `__provider` in every state file asks for. This module's path and these names are a
 * permanent contract: a state file written by any version is refreshed and deleted through them.
 */
export const server = adapt(definitions.server);
export const subnet = adapt(definitions.subnet);
export const profile = adapt(definitions.profile);
export const host = adapt(definitions.host);
export const group = adapt(definitions.group);
export const wait = adapt(definitions.wait);
