import { address, addresses, classlessRoutes } from "./address-types";
import { bytes, encapsulated, text } from "./byte-types";
import { clientFqdn } from "./client-fqdn";
import { domainNames } from "./domain-names";
import { codes16, presence, uint32, unsigned } from "./number-types";
import { define } from "./option-definition";
import { vendorClasses, vendorOptions } from "./vendor-identifying";

/** Options of later RFCs, of PXE and of its loaders, by code. */
export const netbootOptions = {
  /** iPXE sends a bare name, RFC 3004 wants counted ones: the reader tells them apart. */
  userClass: define(77, "User Class", bytes({ min: 1 })),
  /** RFC 4039. */
  rapidCommit: define(80, "Rapid Commit", presence),
  /** RFC 4702. */
  clientFqdn: define(81, "Client FQDN", clientFqdn),
  /** RFC 3046. */
  relayAgent: define(82, "Relay Agent Information", encapsulated({ padAndEnd: false })),
  /** RFC 3118 section 2: protocol, algorithm, replay detection. */
  authentication: define(90, "Authentication", bytes({ min: 11 })),
  /** RFC 4578 section 2. */
  clientArchitecture: define(93, "Client System", codes16),
  networkInterface: define(94, "Client NDI", bytes({ min: 3, max: 3 })),
  machineId: define(97, "UUID/GUID", bytes({ min: 17, max: 17 })),
  /** RFC 4833. */
  posixTimeZone: define(100, "PCode", text),
  timeZone: define(101, "TCode", text),
  /** RFC 8925: seconds that a host with IPv6 does without IPv4. */
  ipv6Only: define(108, "IPv6-Only Preferred", uint32),
  /** RFC 8910: a URI. */
  captivePortal: define(114, "DHCP Captive-Portal", text),
  /** RFC 2563. */
  autoConfigure: define(116, "Auto-Config", unsigned(1, { most: 1 })),
  /** RFC 2937: codes of the options whose name services are asked in this order, 0 for local files. */
  nameServiceSearch: define(117, "Name Service Search", codes16),
  /** RFC 3011. */
  subnetSelection: define(118, "Subnet Selection Option", address),
  /** RFC 3397. */
  domainSearch: define(119, "Domain Search", domainNames),
  /** RFC 3442. */
  classlessRoutes: define(121, "Classless Static Route Option", classlessRoutes),
  /** RFC 3925. */
  vendorClasses: define(124, "V-I Vendor Class", vendorClasses),
  vendorOptions: define(125, "V-I Vendor-Specific Information", vendorOptions),
  // PXE asks for these and leaves their meaning to vendors (RFC 4578 section 2.4).
  pxe128: define(128, "PXE - undefined (vendor specific)", bytes()),
  pxe129: define(129, "PXE - undefined (vendor specific)", bytes()),
  pxe130: define(130, "PXE - undefined (vendor specific)", bytes()),
  pxe131: define(131, "PXE - undefined (vendor specific)", bytes()),
  pxe132: define(132, "PXE - undefined (vendor specific)", bytes()),
  pxe133: define(133, "PXE - undefined (vendor specific)", bytes()),
  pxe134: define(134, "PXE - undefined (vendor specific)", bytes()),
  pxe135: define(135, "PXE - undefined (vendor specific)", bytes()),
  /** RFC 5859. */
  tftpServers: define(150, "TFTP server address", addresses),
  /** iPXE's own, encapsulated as in option 43. */
  etherboot: define(175, "Etherboot", encapsulated({ padAndEnd: true })),
  /** RFC 5071: pxelinux reads 209 to 211 where this is `f1:00:74:7e`; newer ones don't ask for it. */
  pxelinuxMagic: define(208, "PXELINUX Magic", bytes({ min: 4, max: 4 })),
  configFile: define(209, "Configuration File", text),
  pathPrefix: define(210, "Path Prefix", text),
  /** Seconds. */
  rebootTime: define(211, "Reboot Time", uint32),
  /** Microsoft's number of option 121, from before it had one ([MS-DHCPE] section 2.2.8). */
  microsoftRoutes: define(249, "Classless Static Route (Microsoft)", classlessRoutes),
  /** URL of a proxy configuration (draft-ietf-wrec-wpad-01). */
  proxyAutodiscovery: define(252, "Web Proxy Auto-Discovery", text),
} as const;

/** Sub-options of option 82. */
export const relaySubOptions = {
  /** RFC 3046 section 3.1. */
  circuitId: 1,
  /** RFC 3046 section 3.2. */
  remoteId: 2,
  /** RFC 3527. */
  linkSelection: 5,
  /** RFC 3993. */
  subscriberId: 6,
  /** RFC 5010: whether the client's message was unicast. */
  flags: 10,
  /** RFC 5107. */
  serverIdOverride: 11,
  /** RFC 6925. */
  relayId: 12,
  /** RFC 8357. */
  sourcePort: 19,
} as const;

/** Sub-options of option 43 for a client whose option 60 says `PXEClient` (PXE 2.1 section 2.2.3). */
export const pxeSubOptions = {
  discoveryControl: 6,
  discoveryMulticast: 7,
  bootServers: 8,
  bootMenu: 9,
  menuPrompt: 10,
  bootItem: 71,
} as const;

/** Sub-options of option 175 (iPXE's include/ipxe/dhcp.h); 0x10 to 0x4f tell the features that it was built with. */
export const ipxeSubOptions = {
  /** Signed 8 bits: of settings from several places, whose count. */
  priority: 0x01,
  keepSan: 0x08,
  skipSanBoot: 0x09,
  /** Text of a script to run in place of booting. */
  scriptlet: 0x51,
  /** Fingerprints of root certificates. */
  trust: 0x5a,
  crossCertificate: 0x5d,
  /** Not 0: don't wait for proxyDHCP. */
  noProxyDhcp: 0xb0,
  /** Bus, vendor and device of the network card. */
  busId: 0xb1,
  biosDrive: 0xbd,
  userName: 0xbe,
  password: 0xbf,
  version: 0xeb,
} as const;
