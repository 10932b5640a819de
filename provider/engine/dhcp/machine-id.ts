/** A machine's UUID as its firmware sends it in option 97. */
export interface MachineId {
  /** As SMBIOS tools and iPXE print it. */
  readonly canonical: string;
  /** With the bytes in the order of the wire, as pxelinux prints it in the file names that it asks for. */
  readonly wire: string;
  /** The option as it came: it is echoed verbatim (PXE 2.1). */
  readonly bytes: Uint8Array;
}

/** Reads option 97: type 0 and 16 bytes. Anything else is no machine's UUID. */
export function machineIdOf(bytes: Uint8Array | undefined): MachineId | undefined {
  if (bytes === undefined || bytes.length !== 17 || bytes[0] !== 0) return undefined;
  const wire = dashed(Buffer.from(bytes.subarray(1)).toString("hex"));
  return { canonical: swapFields(wire), wire, bytes };
}

/** The first three fields are little-endian on the wire (SMBIOS 2.6): this turns either form into the other. */
function swapFields(uuid: string): string {
  const [low = "", mid = "", high = "", ...rest] = uuid.split("-");
  return [reversed(low), reversed(mid), reversed(high), ...rest].join("-");
}

function reversed(field: string): string {
  return (field.match(/../g) ?? []).reverse().join("");
}

function dashed(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
