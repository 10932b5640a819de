import { latin1, options, pxeSubOptions, type SubOption } from "../../wire/dhcp";
import { biosFolder } from "../bootfiles";
import type { Exchange } from "./exchange";

/** What a reply says about booting, before it is written into header fields and options. */
export interface BootDraft {
  /** The server that the boot file is fetched from. */
  readonly nextServer: string;
  /** Its name, where one was given. */
  readonly serverName: string | undefined;
  /** A path at the server, or a URL. */
  readonly file: string | undefined;
  /** Option 60. */
  readonly vendorClass: string | undefined;
  /** Option 43. */
  readonly vendorSpecific: readonly SubOption[];
  /** Further options. */
  readonly options: readonly (readonly [number, Uint8Array])[];
  /** Codes of options that the client can't do without, whether it asks for them or not. */
  readonly needs: readonly number[];
  /** Whether it knows by itself which files to fetch. */
  readonly choosesFiles: boolean;
}

/** One thing that some firmware does and no standard says. */
export interface Quirk {
  readonly name: string;
  readonly matches: (exchange: Exchange) => boolean;
  /** Whether a boot file is of any use to the client; one that isn't counts as not given. */
  readonly usable?: (file: string) => boolean;
  readonly effect?: (draft: BootDraft, exchange: Exchange) => BootDraft;
  /** Whether an option that somebody configured is kept from the client. */
  readonly withholds?: (code: number, value: Uint8Array) => boolean;
}

/** Bit 3 of discovery control: no search for boot servers, the boot file of this very offer. */
const bootDirectly = Uint8Array.of(8);

const isUrl = (file: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(file);
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));

/** IANA: Raspberry Pi Foundation and Raspberry Pi (Trading) Ltd. */
const raspberryPrefixes = ["b8:27:eb", "dc:a6:32", "e4:5f:01", "28:cd:c1", "d8:3a:dd", "2c:cf:67"];

/** The boot ROM of a Raspberry Pi, not the UEFI firmware that one can run: that says architecture 11 and is like any other. */
function isRaspberryRom({ client }: Exchange): boolean {
  const { architectures, mac, machineId } = client;
  if (!client.isPxe || client.isIpxe || !(architectures.length === 0 || architectures.includes(0) || architectures.includes(41))) return false;
  // From the Pi 4 on its UUID begins with "RPi" and the model.
  return architectures.includes(41) || raspberryPrefixes.includes(mac.slice(0, 8)) || (machineId !== undefined && latin1(machineId.bytes.subarray(1, 4)) === "RPi");
}

/** An old ROM may say nothing about its architecture: UEFI always does. */
const isBios = ({ client }: Exchange): boolean => client.isPxe && (client.firmware === "bios" || client.firmware === "unknown");

/** Every row that matches is applied, in this order: later ones see what earlier ones did. */
export const quirks: readonly Quirk[] = [
  {
    // An installer's own client boots nothing, and takes whatever file name with `://` in it for the URL of its preseed file.
    name: "debian-installer is told no URL",
    matches: ({ client }) => client.isDebianInstaller,
    withholds: (code, value) => code === options.bootFile.code && latin1(value).includes("://"),
  },
  {
    // EDK2 makes no HTTP request without option 60 in the offer, needs option 6 in the same offer to find a server by name, and
    // knows no server but the URL's (HttpBootDxe/HttpBootDhcp4.c).
    name: "HTTP Boot wants a URL and its own class back",
    matches: ({ client }) => client.isHttpClient,
    usable: (file) => /^https?:\/\//i.test(file),
    effect: (draft) => ({ ...draft, vendorClass: "HTTPClient", serverName: undefined, needs: namesHost(draft.file) ? [...draft.needs, options.dnsServers.code] : draft.needs }),
  },
  {
    // A PXE ROM would ask a TFTP server for a file of that name.
    name: "a ROM without iPXE takes no URL",
    matches: ({ client }) => !client.isHttpClient && !client.isIpxe,
    usable: (file) => !isUrl(file),
  },
  {
    // Its second DISCOVER looks like the ROM's but for options 77 and 175. What it boots next is a script or another loader.
    name: "iPXE isn't sent iPXE again",
    matches: ({ client }) => client.isIpxe,
    usable: (file) => !/(^|\/)(ipxe|undionly|snponly|snp)[^/]*\.(efi|k*pxe|lkrn)$/i.test(file),
  },
  {
    // iPXE pads what it loads to whole blocks: shim then refuses the next image, "Malformed binary after Attribute Certificate Table".
    name: "shim doesn't run under iPXE's UEFI",
    matches: ({ client }) => client.isIpxe && client.firmware.startsWith("uefi"),
    usable: (file) => !/(^|\/)shim[^/]*\.efi$/i.test(file),
  },
  {
    // After its DHCP offer iPXE waits two seconds for a proxy's, unless 175.176 says that none will come (net/udp/dhcp.c).
    name: "iPXE needn't wait for a proxy",
    matches: ({ client, mode }) => client.isIpxe && mode === "full",
    effect: (draft) => (draft.file === undefined ? draft : { ...draft, options: [...draft.options, [options.etherboot.code, Uint8Array.of(0xb0, 1, 1)]] }),
  },
  {
    // It looks for its own name in the boot menu, before it fetches files of its own choice from siaddr; no BIOS program is for it.
    name: "a Raspberry Pi looks for its menu entry",
    matches: isRaspberryRom,
    usable: (file) => !file.startsWith(biosFolder),
    effect: (draft) => ({
      ...draft, choosesFiles: true, vendorClass: "PXEClient",
      vendorSpecific: [
        { code: pxeSubOptions.discoveryControl, value: bootDirectly },
        { code: pxeSubOptions.bootMenu, value: bytes("\0\0\x11Raspberry Pi Boot") },
        { code: pxeSubOptions.menuPrompt, value: bytes("\0PXE") },
      ],
    }),
  },
  {
    // Of two offers a ROM believes the one that says PXEClient; without discovery control it would then look for boot servers.
    name: "a BIOS ROM boots the proxy's file directly",
    matches: (exchange) => exchange.mode === "proxy" && isBios(exchange),
    effect: (draft) => (draft.vendorSpecific.length > 0 ? draft : { ...draft, vendorSpecific: [{ code: pxeSubOptions.discoveryControl, value: bootDirectly }] }),
  },
  {
    // Given 43.6 = 8 it takes the file from the proxy, but the server from the DHCP server's offer. A URL names both.
    name: "iPXE in a BIOS ROM wants the proxy's file as a URL",
    matches: (exchange) => exchange.client.isIpxe && isBios(exchange),
    effect: (draft, { facts }) => {
      if (draft.file === undefined || isUrl(draft.file) || draft.vendorSpecific.length === 0) return draft;
      const port = facts.state.server?.spec.tftpPort ?? 69;
      return { ...draft, file: `tftp://${draft.nextServer}${port === 69 ? "" : `:${String(port)}`}/${draft.file.replace(/^\/+/, "")}` };
    },
  },
  {
    // With any of 43.6 to 10 in it EDK2 takes an offer for PXE 1.0's; without option 43 it asks the proxy on its own port (BINL).
    name: "UEFI asks the proxy again",
    matches: (exchange) => asksAgain(exchange),
    effect: (draft) => ({ ...draft, vendorSpecific: [] }),
  },
];

/** Whether the client, once it has its address, asks a proxy on port 4011 for the boot file. iPXE doesn't that has got it. */
export function asksAgain({ client, mode }: Exchange): boolean {
  return mode === "proxy" && client.isPxe && !client.isIpxe && client.firmware !== "bios" && client.firmware !== "unknown";
}

/** Whether a boot file is of any use to the client. */
export function isUsable(exchange: Exchange, file: string): boolean {
  return quirks.every((quirk) => quirk.usable === undefined || !quirk.matches(exchange) || quirk.usable(file));
}

/** The draft as this client needs it. */
export function suited(draft: BootDraft, exchange: Exchange): BootDraft {
  return quirks.reduce((made, quirk) => (quirk.effect !== undefined && quirk.matches(exchange) ? quirk.effect(made, exchange) : made), draft);
}

const withholding = quirks.filter((quirk) => quirk.withholds !== undefined);

/** Whether an option that somebody configured is kept from the client. */
export function isWithheld(exchange: Exchange, code: number, value: Uint8Array): boolean {
  for (const quirk of withholding) if (quirk.matches(exchange) && quirk.withholds?.(code, value) === true) return true;
  return false;
}

/** Whether the URL's server is a name rather than an address. */
function namesHost(url: string | undefined): boolean {
  return url !== undefined && URL.canParse(url) && !/^[\d.]+$|^\[/.test(new URL(url).hostname);
}
