import * as z from "zod";
import { parseIpv4 } from "./ip";
import { cidr, documentName, domainName, ip, oneByteLine, oneLine } from "./primitives";

/**
 * Options that the protocol itself, the lease or the boot decides: nobody may set them by number. 1 comes of `cidr`, 12 of
 * `hostname`, 50 to 55, 57 to 59 and 61 are the exchange's own, 60 and 97 tell firmware which server to believe, 82 is the relay's.
 */
export const reservedOptionCodes: readonly number[] = [1, 12, 50, 51, 52, 53, 54, 55, 57, 58, 59, 60, 61, 82, 93, 94, 97, 118];

const code = z.int().min(1).max(254).refine((value) => !reservedOptionCodes.includes(value), { error: "is an option that the server sets itself" });

/** The longest value that one option carries without being split (RFC 3396), in bytes. */
const longest = 255;

const hex = z
  .string()
  .max(2 * longest)
  .regex(/^([0-9a-fA-F]{2})*$/, { error: "is not an even number of hexadecimal digits" });

/** An option by its number, with how its value is written (RFC 2132 section 2). */
export const rawOption = z.discriminatedUnion("type", [
  z.strictObject({ code, type: z.literal("text"), value: oneLine.min(1).max(longest) }),
  z.strictObject({ code, type: z.literal("ip"), value: ip }),
  z.strictObject({ code, type: z.literal("ips"), value: z.array(ip).min(1).max(63) }),
  z.strictObject({ code, type: z.literal("uint8"), value: z.int().min(0).max(0xff) }),
  z.strictObject({ code, type: z.literal("uint16"), value: z.int().min(0).max(0xffff) }),
  z.strictObject({ code, type: z.literal("uint32"), value: z.int().min(0).max(0xffffffff) }),
  z.strictObject({ code, type: z.literal("boolean"), value: z.boolean() }),
  z.strictObject({ code, type: z.literal("domains"), value: z.array(domainName).min(1).max(32) }),
  z.strictObject({ code, type: z.literal("hex"), value: hex }),
]);
export type RawOption = z.output<typeof rawOption>;

/** A network of one or two addresses. */
const shortNetwork = /^\d{1,3}(\.\d{1,3}){3}\/3[12]$/;

/** RFC 3442. */
const classlessRoute = z.strictObject({
  /** Where to: `10.0.0.0/8`, or `0.0.0.0/0` for the default route. */
  destination: z.union([z.literal("0.0.0.0/0"), cidr, z.string().regex(shortNetwork, { error: "is not an IPv4 network" }).refine((text) => parseIpv4(text.slice(0, -3)) !== undefined, { error: "is not an IPv4 network", abort: true })]),
  router: ip,
});

/** What a subnet says directly, since nearly every one says it. */
export const subnetParameters = {
  /** Gateways, option 3. */
  routers: z.array(ip).max(16),
  /** Name servers, option 6. */
  dnsServers: z.array(ip).max(16),
  /** Option 15. */
  domainName,
  /** Option 119 (RFC 3397). */
  domainSearch: z.array(domainName).max(32),
  /** Option 42. */
  ntpServers: z.array(ip).max(16),
  /** Option 121 (RFC 3442). */
  classlessRoutes: z.array(classlessRoute).max(32),
} as const;

const furtherOptions = {
  /** Option 4 (RFC 868). */
  timeServers: z.array(ip).max(16),
  /** Option 7. */
  logServers: z.array(ip).max(16),
  /** Option 17. */
  rootPath: oneLine.min(1).max(longest),
  /** Option 26, bytes. */
  mtu: z.int().min(68).max(0xffff),
  /** Name in the TZ database, option 101 (RFC 4833). */
  timeZone: z.string().max(64).regex(/^[A-Za-z0-9_+/-]+$/, { error: "is not a name of the TZ database like Europe/Berlin" }),
  /** Any other option, by its number. */
  raw: z.array(rawOption).max(64),
} as const;

/** Options of a subnet beside those that it has properties for. */
export const subnetOptions = z.strictObject(furtherOptions).partial();

/** Options of a server, a class of clients or a host: the innermost that sets one wins, in the order server, subnet, class, host. */
export const dhcpOptions = z.strictObject({ ...subnetParameters, ...furtherOptions }).partial();
export type DhcpOptions = z.output<typeof dhcpOptions>;

/** Fields of the header that override what the boot would say; the innermost wins as with options. */
export const bootHeader = {
  /** siaddr: the server that the boot file is fetched from. Default: this server. */
  nextServer: ip.optional(),
  /** `file` and option 67. */
  bootFile: oneByteLine.min(1).max(127).optional(),
  /** `sname` and option 66. */
  serverName: oneByteLine.min(1).max(63).optional(),
} as const;
export type BootHeader = z.output<z.ZodObject<typeof bootHeader>>;

/** Codes of the options that properties set. */
export const optionCodes: Readonly<Record<Exclude<keyof DhcpOptions, "raw"> | "bootFile" | "serverName", number>> = {
  routers: 3, timeServers: 4, dnsServers: 6, logServers: 7, domainName: 15, rootPath: 17, mtu: 26, ntpServers: 42, serverName: 66, bootFile: 67,
  timeZone: 101, domainSearch: 119, classlessRoutes: 121,
};

/** Text as it stands, or `0x…`. */
const bytesText = z.string().min(1).max(255);

/** Which clients belong to a class: those that fit every member given. */
const classMatch = z
  .strictObject({
    /** How option 60 begins. */
    vendorClass: bytesText,
    /** What option 77 contains. */
    userClass: bytesText,
    /** Codes of option 93, one of which the client has. */
    architectures: z.array(z.int().min(0).max(0xffff)).min(1).max(32),
    /** How the MAC address begins, `52:54:00`. */
    macPrefixes: z.array(z.string().transform((text) => text.toLowerCase().replaceAll("-", ":")).refine((text) => /^[0-9a-f]{2}(:[0-9a-f]{2}){0,5}$/.test(text), { error: "is not the beginning of a MAC address" })).min(1).max(64),
    /** The relay's port: sub-option 1 of option 82 (RFC 3046). */
    circuitId: bytesText,
    /** Sub-option 2 of option 82. */
    remoteId: bytesText,
    /** Whether the machine is declared. */
    known: z.boolean(),
  })
  .partial()
  .refine((match) => Object.keys(match).length > 0, { error: "matches on nothing" });

/** Clients that get something of their own on a subnet. */
export const clientClass = z.strictObject({ name: documentName, match: classMatch, options: dhcpOptions.default({}), ...bootHeader });
export type ClientClass = z.output<typeof clientClass>;

const range = { from: ip, to: ip } as const;

/** Addresses leased to machines without a reservation. */
export const pool = z.strictObject({
  ...range,
  /** Ranges inside it that are not leased. */
  exclude: z.array(z.strictObject(range)).max(64).default([]),
  /** Only for clients of this class of the subnet. */
  class: documentName.optional(),
});
export type Pool = z.output<typeof pool>;

/** How much one side may take of what all share (NETBOOT F1, F2). */
export const subnetLimits = z.strictObject({
  /** Addresses that machines behind one port of a relay (sub-option 1 of option 82) hold at once. */
  leasesPerRelayPort: z.int().min(1).max(65_536).default(256),
  /** Addresses that one MAC holds at once, whatever client identifiers come with it: each of its packets looks through them. */
  leasesPerMac: z.int().min(1).max(4096).default(64),
  /** Addresses given to machines never seen before, each second, after a burst of four times as many. */
  newClientsPerSecond: z.int().min(1).max(1_000_000).default(1000),
  /** DECLINEs of one client within an hour that put an address into quarantine. */
  declinesPerClient: z.int().min(1).max(1000).default(5),
  /** Percent of the pools in use at which an alert is told. */
  poolAlert: z.int().min(1).max(100).default(90),
});
export type SubnetLimits = z.output<typeof subnetLimits>;

const packets = z.int().min(1).max(10_000_000);

/** How many DHCP packets a second a server looks at (NETBOOT F1). */
export const packetLimits = z.strictObject({
  /** Of one hardware address, after a burst of five times as many. What comes beyond is dropped, of a declared host too. */
  perClient: packets.default(20),
  /** Through one relay, after a burst of twice as many. Beyond that only declared hosts are answered. */
  perRelay: packets.default(40_000),
  /** Of one interface, relays included, likewise. */
  perInterface: packets.default(40_000),
});
export type PacketLimits = z.output<typeof packetLimits>;

/** `full`: addresses and boot; `proxy`: boot only, beside somebody else's DHCP server (PXE 2.1 section 2.2.3). */
export const dhcpMode = z.enum(["full", "proxy"]);

/** A lease without an end (RFC 2131 section 3.3). */
export const infiniteLease = 0xffffffff;

/** Seconds. */
export const leaseSeconds = z.int().min(120, { error: "is shorter than 120 seconds" }).max(infiniteLease);
