import { optionEntry, options } from "../../wire/dhcp";
import type { Exchange } from "./exchange";

/** What a reply says about booting. */
export interface BootFields {
  readonly siaddr: string;
  readonly sname: string;
  readonly file: string;
  readonly options: readonly (readonly [number, Uint8Array])[];
  /** Codes of options that must be in the same reply if there is anything to say, whether the client asks for them or not. */
  readonly needs: readonly number[];
}

/**
 * The boot program for the client, undefined for one that gets only an address.
 * It is named in siaddr and file and in options 66 and 67: some loaders read one place only, and shim takes its directory from
 * file. Options 43 and 60 stay out: an echoed `PXEClient` alone sends firmware to port 4011 to wait for an answer.
 */
export function bootFields(exchange: Exchange): BootFields | undefined {
  const { client, server } = exchange;
  const file = bootFile(exchange);
  if (file === undefined) return undefined;
  const machineId = client.machineId === undefined ? [] : [optionEntry(options.machineId, client.machineId.bytes)];
  return {
    siaddr: server,
    sname: "",
    file,
    options: [optionEntry(options.tftpServer, server), optionEntry(options.bootFile, file), ...machineId],
    needs: [],
  };
}

/** Path of the boot program on the TFTP server. */
function bootFile(exchange: Exchange): string | undefined {
  const { client, host, boot } = exchange;
  // An installer's or a system's own DHCP client boots nothing, and debian-installer would take a URL here for its preseed file.
  if (!client.isPxe || client.isHttpClient) return undefined;
  if (boot.action === "ignore" || client.firmware !== "bios") return undefined;
  const loader = host?.profile?.spec.loaders.bios;
  return loader === undefined ? undefined : `bios/${loader.program.name}`;
}
