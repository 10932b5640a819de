/** A UUID's bytes as option 97 carries them: the first three fields are swapped (SMBIOS 2.6 section 3.3.2.1). */
export function uuidOnTheWire(uuid: string): Uint8Array {
  const [low = "", mid = "", high = "", ...rest] = uuid.toLowerCase().split("-");
  const bytes = (hex: string): number[] => [...Buffer.from(hex, "hex")];
  return Uint8Array.from([...bytes(low).reverse(), ...bytes(mid).reverse(), ...bytes(high).reverse(), ...bytes(rest.join(""))]);
}

/** How PXELINUX writes the bytes of option 97 into a file name: without swapping them back. */
export function uuidFileName(uuid: string): string {
  return Buffer.from(uuidOnTheWire(uuid)).toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
