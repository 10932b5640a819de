/** What a machine's console says when it has booted from its disk. */
export const diskBootMessage = "pulumi-pxe lab: this machine boots from its disk";

const sectorBytes = 512;
/** Where a BIOS loads and enters a boot sector (IBM PC; still so in SeaBIOS). */
const origin = 0x7c00;

/** A word of the listing: a byte, an 8-bit jump to a label, or the 16-bit address of one. */
type Code = number | { readonly jump: string } | { readonly address: string };

interface Line {
  readonly label?: string;
  readonly code: readonly Code[];
}

const line = (code: readonly Code[], label?: string): Line => (label === undefined ? { code } : { label, code });

/**
 * 16-bit real mode. The text goes to the first serial port by its registers, and then to the BIOS's screen: a firmware without a
 * serial console shows it there.
 */
const listing: readonly Line[] = [
  line([0x31, 0xc0]), //                              xor ax, ax
  line([0x8e, 0xd8]), //                              mov ds, ax
  line([0x8e, 0xd0]), //                              mov ss, ax
  line([0xbc, 0x00, 0x7c]), //                        mov sp, 0x7c00        ; the stack grows down from this sector
  line([0xfc]), //                                    cld
  line([0xfb]), //                                    sti                   ; the BIOS flushes its own serial console by timer
  line([0xbe, { address: "text" }]), //               mov si, text
  line([0xac], "serial"), //                  serial: lodsb
  line([0x84, 0xc0]), //                              test al, al
  line([0x74, { jump: "screen" }]), //                jz screen
  line([0x88, 0xc3]), //                              mov bl, al
  line([0xba, 0xfd, 0x03]), //                        mov dx, 0x3fd         ; line status register
  line([0xec], "busy"), //                      busy: in al, dx
  line([0xa8, 0x20]), //                              test al, 0x20         ; transmitter empty?
  line([0x74, { jump: "busy" }]), //                  jz busy
  line([0xba, 0xf8, 0x03]), //                        mov dx, 0x3f8
  line([0x88, 0xd8]), //                              mov al, bl
  line([0xee]), //                                    out dx, al
  line([0xeb, { jump: "serial" }]), //                jmp serial
  line([0xbe, { address: "text" }], "screen"), // screen: mov si, text
  line([0xac], "teletype"), //              teletype: lodsb
  line([0x84, 0xc0]), //                              test al, al
  line([0x74, { jump: "halt" }]), //                  jz halt
  line([0xb4, 0x0e]), //                              mov ah, 0x0e          ; teletype output
  line([0xbb, 0x07, 0x00]), //                        mov bx, 0x0007        ; page 0, grey
  line([0xcd, 0x10]), //                              int 0x10
  line([0xeb, { jump: "teletype" }]), //              jmp teletype
  line([0xf4], "halt"), //                      halt: hlt
  line([0xeb, { jump: "halt" }]), //                  jmp halt
  line([], "text"), //                          text: db message, 13, 10, 0
];

const sizeOf = (code: Code): number => (typeof code === "object" && "address" in code ? 2 : 1);

function assemble(lines: readonly Line[]): Buffer {
  const labels = new Map<string, number>();
  let size = 0;
  for (const { label, code } of lines) {
    if (label !== undefined) labels.set(label, size);
    size += code.reduce<number>((sum, word) => sum + sizeOf(word), 0);
  }
  const offsetOf = (label: string): number => {
    const offset = labels.get(label);
    if (offset === undefined) throw new RangeError(`no label ${label}`);
    return offset;
  };
  const output = Buffer.alloc(size);
  let at = 0;
  for (const word of lines.flatMap(({ code }) => code)) {
    if (typeof word === "number") output.writeUInt8(word, at);
    else if ("address" in word) output.writeUInt16LE(origin + offsetOf(word.address), at);
    // Relative to the following instruction; a jump's distance is its last byte.
    else output.writeInt8(offsetOf(word.jump) - (at + 1), at);
    at += sizeOf(word);
  }
  return output;
}

/** A boot sector that says where it is and halts. The partition table (bytes 446 to 509) stays empty. */
export function bootSector(message = diskBootMessage): Buffer {
  const code = Buffer.concat([assemble(listing), Buffer.from(`${message}\r\n\0`, "latin1")]);
  if (code.length > 446) throw new RangeError("the message does not fit a boot sector");
  const sector = Buffer.alloc(sectorBytes);
  code.copy(sector);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}
