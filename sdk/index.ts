/** Install bare metal from a Pulumi program. See README.md for a first example. */
export { kickstart, preseed, type Answer, type AnswerArgs } from "./answer";
export type {
  AddressPool, AddressRange, BootHeader, ClasslessRoute, ClientClass, ClientMatch, DhcpOptions, PacketLimits, RawOption, SubnetLimits, SubnetOptions,
} from "./dhcp";
export * as distro from "./distro";
export { KickstartHostGroup, type GroupHostArgs, type GroupHostState, type KickstartHostGroupArgs } from "./group";
export { KickstartHost, type InstallState, type KickstartHostArgs } from "./host";
export type { Connection, JumpAddress, ServerInput, ServerRef } from "./identity";
export * as inventory from "./inventory";
export { ProvisioningNetwork, type NetworkHostArgs, type NetworkProfileArgs, type ProvisioningNetworkArgs } from "./network";
export { BootProfile, type AssetArgs, type BiosLoaderArgs, type BootProfileArgs, type DistroArgs, type DistroPreset } from "./profile";
export { PxeServer, type GatewayArgs, type JumpHost, type PxeServerArgs, type RemoteTarget, type SshCredentials } from "./server";
export { DhcpSubnet, type DhcpSubnetArgs } from "./subnet";
export { InstallWait, type InstallWaitArgs, type WaitedHost, type WaitFor } from "./wait";
