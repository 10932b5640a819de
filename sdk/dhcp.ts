import type * as pulumi from "@pulumi/pulumi";

/** Addresses from `from` to `to`, both included. */
export interface AddressRange {
  /** The first address. */
  from: pulumi.Input<string>;
  /** The last address. */
  to: pulumi.Input<string>;
}

/** Addresses that are leased to machines without a reservation. */
export interface AddressPool extends AddressRange {
  /** Ranges inside it that are not leased. Default: none. */
  exclude?: pulumi.Input<pulumi.Input<AddressRange>[]> | undefined;
  /** Name of one of the subnet's `classes`: only its clients get an address here. Default: anybody does. */
  class?: pulumi.Input<string> | undefined;
}

/** A route that clients are given (RFC 3442). */
export interface ClasslessRoute {
  /** Where it leads, `10.0.0.0/8`; `0.0.0.0/0` is the default route. */
  destination: pulumi.Input<string>;
  /** Through whom: an address of the subnet; `0.0.0.0` for what is reached on the link itself. */
  router: pulumi.Input<string>;
}

interface RawOptionOf<Type extends string, Value> {
  /** 1 to 254; not those that the server itself sets in every exchange, such as 1, 51, 53 and 54. */
  code: pulumi.Input<number>;
  /** How the value is written: a plain text, so that the compiler can tell whether the value fits. */
  type: Type;
  /** `hex`: the bytes, `01ff`; `ips` and `domains`: a list. */
  value: pulumi.Input<Value>;
}

/** A DHCP option by its number. */
export type RawOption =
  | RawOptionOf<"text" | "ip" | "hex", string>
  | RawOptionOf<"ips" | "domains", pulumi.Input<string>[]>
  | RawOptionOf<"uint8" | "uint16" | "uint32", number>
  | RawOptionOf<"boolean", boolean>;

/** DHCP options of a subnet beside those that it has properties of its own for. */
export interface SubnetOptions {
  /** Time servers by the protocol of RFC 868 (option 4). */
  timeServers?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** Log servers (option 7). */
  logServers?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** Where a diskless client finds its root file system (option 17). */
  rootPath?: pulumi.Input<string> | undefined;
  /** The interface's MTU in bytes, 68 or more (option 26). */
  mtu?: pulumi.Input<number> | undefined;
  /** A name of the TZ database, `Europe/Vienna` (option 101). */
  timeZone?: pulumi.Input<string> | undefined;
  /** Any other option: `{ code: 150, type: "ips", value: ["10.77.0.1"] }`. */
  raw?: pulumi.Input<pulumi.Input<RawOption>[]> | undefined;
}

/**
 * DHCP options of a server, a class of clients or a host. The innermost that sets one wins: host before class before subnet before
 * server; of several classes the last.
 */
export interface DhcpOptions extends SubnetOptions {
  /** Gateways, the preferred one first (option 3). */
  routers?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** Name servers, the preferred one first (option 6). */
  dnsServers?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** The domain that machines are told they are in (option 15). */
  domainName?: pulumi.Input<string> | undefined;
  /** Domains that names are looked up in (option 119). */
  domainSearch?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** NTP servers (option 42). */
  ntpServers?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** Routes (option 121). A client that takes them ignores `routers`: name the default route among them. */
  classlessRoutes?: pulumi.Input<pulumi.Input<ClasslessRoute>[]> | undefined;
}

/**
 * Where a client boots from, in place of what its profile says; the innermost wins as with options. A declared host gets it when it is
 * to be installed, and boots from its disk at any other time.
 */
export interface BootHeader {
  /** The server that the boot file is fetched from (`siaddr`). Default: this server. */
  nextServer?: pulumi.Input<string> | undefined;
  /** The boot file (`file` and option 67), 127 characters at most. Default: the loader of the machine's profile. */
  bootFile?: pulumi.Input<string> | undefined;
  /** Name of the boot server (`sname` and option 66), 63 characters at most. Default: this server's address in option 66. */
  serverName?: pulumi.Input<string> | undefined;
}

/** What clients belong to a class: those that fit all that is given. Text is taken as it stands, `0x…` as bytes. */
export interface ClientMatch {
  /** How the client's vendor class begins (option 60): `PXEClient`. */
  vendorClass?: pulumi.Input<string> | undefined;
  /** What the client's user class contains (option 77): `iPXE`. */
  userClass?: pulumi.Input<string> | undefined;
  /** Codes of option 93, one of which the client sends: 0 is BIOS, 7 and 9 are x86-64 UEFI, 11 is arm64 UEFI, 16 x86-64 UEFI by HTTP. */
  architectures?: pulumi.Input<pulumi.Input<number>[]> | undefined;
  /** How the client's MAC address begins: `52:54:00`. */
  macPrefixes?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** The port of the relay that the client is behind (sub-option 1 of option 82), as a whole. */
  circuitId?: pulumi.Input<string> | undefined;
  /** What the relay calls itself (sub-option 2 of option 82), as a whole. */
  remoteId?: pulumi.Input<string> | undefined;
  /** Whether the machine is declared. */
  known?: pulumi.Input<boolean> | undefined;
}

/** Clients that get something of their own on a subnet. */
export interface ClientClass extends BootHeader {
  /** What pools call it by. */
  name: pulumi.Input<string>;
  /** Who belongs to it; something must be given. */
  match: pulumi.Input<ClientMatch>;
  /** Default: none. */
  options?: pulumi.Input<DhcpOptions> | undefined;
}

/** How much one side may take of what all share. */
export interface SubnetLimits {
  /** Addresses that machines behind one port of a relay hold at once. Default: 256. */
  leasesPerRelayPort?: pulumi.Input<number> | undefined;
  /**
   * Addresses that one MAC holds at once, whatever client identifiers come with it, as those of virtual interfaces that share a card
   * (ipvlan) do. Default: 64.
   */
  leasesPerMac?: pulumi.Input<number> | undefined;
  /** Addresses given to machines never seen before, each second, after a burst of four times as many. Default: 1000. */
  newClientsPerSecond?: pulumi.Input<number> | undefined;
  /** How often within an hour one client's complaint that an address is taken is believed. Default: 5. */
  declinesPerClient?: pulumi.Input<number> | undefined;
  /** Percent of the pools in use at which an alert is told. Default: 90. */
  poolAlert?: pulumi.Input<number> | undefined;
}

/** How many DHCP packets a second a server looks at. What comes beyond is dropped before anything is read of it. */
export interface PacketLimits {
  /** Of one machine (MAC address), declared or not, after a burst of five times as many. Default: 20. */
  perClient?: pulumi.Input<number> | undefined;
  /** Through one relay, after a burst of twice as many; beyond that only declared machines are answered. Default: 40000. */
  perRelay?: pulumi.Input<number> | undefined;
  /** On one interface, relays included, after a burst of twice as many; beyond that only declared machines are answered. Default: 40000. */
  perInterface?: pulumi.Input<number> | undefined;
}
