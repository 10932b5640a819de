import type { BootHeader } from "../../model/dhcp-settings";
import { optionEntry, options } from "../../wire/dhcp";
import { biosProgram } from "../bootfiles";
import type { ClientRecord } from "./client";
import type { Exchange } from "./exchange";
import { isUsable, suited, type BootDraft } from "./quirks";

/** What a reply says about booting. */
export interface BootFields {
  readonly siaddr: string;
  readonly sname: string;
  readonly file: string;
  readonly options: readonly (readonly [number, Uint8Array])[];
  /** Codes of options that must be in the same reply if there is anything to say, whether the client asks for them or not. */
  readonly needs: readonly number[];
}

/** Characters that the field `file` has room for; the last byte is its NUL. */
const longestFile = 127;

/**
 * What the client boots from, undefined for one that gets only an address.
 * The boot file is named in `file` and in option 67, the server in siaddr and 66: some loaders read one place only (GRUB siaddr, then
 * 66; EDK2 siaddr, never 66, and 67 before `file`), and shim takes its directory from `file`. Options 43 and 60 stay out unless a
 * client needs them: an echoed `PXEClient` alone sends firmware to port 4011 to wait for an answer.
 */
export function bootFields(exchange: Exchange): BootFields | undefined {
  const draft = bootDraft(exchange);
  if (draft === undefined) return undefined;
  const { client } = exchange;
  const { file, nextServer, serverName, vendorClass, vendorSpecific } = draft;
  return {
    siaddr: nextServer,
    sname: serverName ?? "",
    file: file !== undefined && file.length <= longestFile ? file : "",
    options: [
      optionEntry(options.tftpServer, serverName ?? nextServer),
      ...(file === undefined ? [] : [optionEntry(options.bootFile, file)]),
      ...(client.machineId === undefined ? [] : [optionEntry(options.machineId, client.machineId.bytes)]),
      ...(vendorClass === undefined ? [] : [optionEntry(options.vendorClass, vendorClass)]),
      ...(vendorSpecific.length === 0 ? [] : [optionEntry(options.vendorSpecific, vendorSpecific)]),
      ...draft.options,
    ],
    needs: draft.needs,
  };
}

/** The server and the file that the client boots from; undefined when there is nothing to tell it. */
export function bootDraft(exchange: Exchange): BootDraft | undefined {
  const { client, server } = exchange;
  if (!bootsFromNetwork(client)) return undefined;
  const given = headers(exchange);
  const nextServer = given.find((header) => header.nextServer !== undefined)?.nextServer;
  const serverName = given.find((header) => header.serverName !== undefined)?.serverName;
  const file = bootFile(exchange, given);
  // An offer of HTTP Boot without a URL is none.
  if (client.isHttpClient && file === undefined) return undefined;
  const draft = suited({
    nextServer: nextServer ?? server, serverName, file, vendorClass: undefined, vendorSpecific: [], options: [], needs: [], choosesFiles: false,
  }, exchange);
  const isTold = file !== undefined || nextServer !== undefined || serverName !== undefined;
  return isTold || (draft.choosesFiles && exchange.boot.action !== "ignore") ? draft : undefined;
}

/**
 * A boot ROM or a loader. GRUB and BOOTP ROMs say nothing of themselves and ask for nothing. An installer's or a system's own DHCP
 * client does, and boots nothing.
 */
function bootsFromNetwork(client: ClientRecord): boolean {
  if (client.isDebianInstaller) return false;
  return client.isPxe || client.isHttpClient || client.isIpxe || client.architectures.length > 0 || (client.vendorClass === "" && client.asksFor === undefined);
}

/**
 * What was configured for the client, the innermost first: its host's, its classes' from the last to the first, its subnet's. A
 * declared host gets it when it is to be installed and never else: what it names may be an installer too.
 */
function headers({ host, classes, subnet, boot, isTakenOver }: Exchange): readonly BootHeader[] {
  if (isTakenOver || (host !== undefined && boot.action !== "install")) return [];
  return [...(host === undefined ? [] : [host.document.spec]), ...classes.toReversed(), subnet.document.spec];
}

/** The innermost file that the client can do something with, else the boot program of its profile. */
function bootFile(exchange: Exchange, given: readonly BootHeader[]): string | undefined {
  const files = given.flatMap(({ bootFile: file }) => (file === undefined ? [] : [file]));
  return [...files, ...program(exchange)].find((file) => isUsable(exchange, file));
}

/** The profile's boot program for this firmware. */
function program({ client, host, boot }: Exchange): readonly string[] {
  if (!client.isPxe || client.isHttpClient || boot.action === "ignore" || client.firmware !== "bios" || host?.profile === undefined) return [];
  const path = biosProgram(host.profile.spec);
  return path === undefined ? [] : [path];
}
