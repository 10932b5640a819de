import { pxeError, type PxeError } from "../../errors";

/** An option as it stands in a request or an OACK; names are compared without case (RFC 2347). */
export interface TftpOption {
  readonly name: string;
  readonly value: string;
}

/** RRQ and WRQ (RFC 1350 section 5, options by RFC 2347). Text is latin1, so that every byte survives. */
export interface TftpRequest {
  readonly type: "rrq" | "wrq";
  readonly filename: string;
  /** As sent: any case. */
  readonly mode: string;
  readonly options: readonly TftpOption[];
}

/** A TFTP packet. Block numbers are the 16-bit ones of the wire. */
export type TftpMessage =
  | TftpRequest
  | { readonly type: "data"; readonly block: number; readonly data: Uint8Array }
  | { readonly type: "ack"; readonly block: number }
  | { readonly type: "error"; readonly code: number; readonly message: string }
  | { readonly type: "oack"; readonly options: readonly TftpOption[] };

/** Error codes of RFC 1350 section 5 and RFC 2347 (8). */
export const tftpErrors = {
  undefined: 0,
  notFound: 1,
  accessViolation: 2,
  diskFull: 3,
  illegalOperation: 4,
  unknownTransfer: 5,
  exists: 6,
  noSuchUser: 7,
  optionRefused: 8,
} as const;

/** RFC 2348: the greatest block that blksize may ask for. */
export const maxBlockSize = 65464;

const opcodes = { rrq: 1, wrq: 2, data: 3, ack: 4, error: 5, oack: 6 } as const;

/** Bounds the work that one packet can cause; RFC 2347 limits a request to 512 bytes. */
const maxOptions = 32;

function malformed(what: string): PxeError {
  return pxeError("PXE_PACKET_MALFORMED", `TFTP: ${what}`);
}

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

/** The text up to the next NUL; undefined where no NUL is left. */
function readText(cursor: Cursor): string | undefined {
  const end = cursor.bytes.indexOf(0, cursor.at);
  if (end < 0) return undefined;
  const text = cursor.bytes.toString("latin1", cursor.at, end);
  cursor.at = end + 1;
  return text;
}

/** Pairs up to the first that is cut or nameless: what is good before it counts. */
function readOptions(cursor: Cursor): TftpOption[] {
  const options: TftpOption[] = [];
  while (options.length < maxOptions) {
    const name = readText(cursor);
    if (name === undefined || name === "") break;
    const value = readText(cursor);
    if (value === undefined) break;
    options.push({ name, value });
  }
  return options;
}

function readRequest(type: "rrq" | "wrq", cursor: Cursor): TftpRequest {
  const filename = readText(cursor);
  if (filename === undefined) throw malformed("file name without its NUL");
  const mode = readText(cursor);
  if (mode === undefined) throw malformed("mode without its NUL");
  return { type, filename, mode, options: readOptions(cursor) };
}

/**
 * Reads one datagram. `data` in the result shares the packet's memory.
 * @throws PXE_PACKET_MALFORMED
 */
export function decodeTftp(packet: Uint8Array): TftpMessage {
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength);
  if (bytes.length < 2) throw malformed(`packet of ${bytes.length} bytes`);
  const opcode = bytes.readUInt16BE(0);
  const numbered = opcode === opcodes.data || opcode === opcodes.ack || opcode === opcodes.error;
  if (numbered && bytes.length < 4) throw malformed(`packet of ${bytes.length} bytes with opcode ${opcode}`);
  switch (opcode) {
    case opcodes.rrq:
      return readRequest("rrq", { bytes, at: 2 });
    case opcodes.wrq:
      return readRequest("wrq", { bytes, at: 2 });
    case opcodes.data:
      return { type: "data", block: bytes.readUInt16BE(2), data: bytes.subarray(4) };
    case opcodes.ack:
      return { type: "ack", block: bytes.readUInt16BE(2) };
    case opcodes.error: {
      const cursor = { bytes, at: 4 };
      // Some ROMs leave out the NUL of the message.
      const message = readText(cursor) ?? bytes.toString("latin1", 4);
      return { type: "error", code: bytes.readUInt16BE(2), message };
    }
    case opcodes.oack:
      return { type: "oack", options: readOptions({ bytes, at: 2 }) };
    default:
      throw malformed(`opcode ${opcode}`);
  }
}

function uint16(value: number, field: string): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff) {
    throw pxeError("PXE_ENCODING_OVERFLOW", `TFTP: ${field} ${value} is not a 16-bit number`);
  }
  return value;
}

function text(value: string, field: string): Buffer {
  if (/[^\x01-\xff]/.test(value)) {
    throw pxeError("PXE_ENCODING_OVERFLOW", `TFTP: ${field} holds a NUL or a character outside latin1`);
  }
  return Buffer.from(`${value}\0`, "latin1");
}

function head(opcode: number, second?: number): Buffer {
  const bytes = Buffer.alloc(second === undefined ? 2 : 4);
  bytes.writeUInt16BE(opcode, 0);
  if (second !== undefined) bytes.writeUInt16BE(second, 2);
  return bytes;
}

function optionTexts(options: readonly TftpOption[]): Buffer[] {
  if (options.length > maxOptions) throw pxeError("PXE_ENCODING_OVERFLOW", `TFTP: ${options.length} options`);
  return options.flatMap(({ name, value }) => {
    if (name === "") throw pxeError("PXE_ENCODING_OVERFLOW", "TFTP: an option without a name");
    return [text(name, "option name"), text(value, `option ${name}`)];
  });
}

/** The four bytes before a block's bytes, for shells that send both without joining them. */
export function dataHeader(block: number): Buffer {
  return head(opcodes.data, uint16(block, "block"));
}

/**
 * Writes one datagram.
 * @throws PXE_ENCODING_OVERFLOW where a value doesn't fit its field; nothing is ever cut
 */
export function encodeTftp(message: TftpMessage): Buffer {
  switch (message.type) {
    case "rrq":
    case "wrq":
      return Buffer.concat([
        head(opcodes[message.type]),
        text(message.filename, "file name"),
        text(message.mode, "mode"),
        ...optionTexts(message.options),
      ]);
    case "data":
      if (message.data.length > maxBlockSize) {
        throw pxeError("PXE_ENCODING_OVERFLOW", `TFTP: block of ${message.data.length} bytes`);
      }
      return Buffer.concat([dataHeader(message.block), message.data]);
    case "ack":
      return head(opcodes.ack, uint16(message.block, "block"));
    case "error":
      return Buffer.concat([head(opcodes.error, uint16(message.code, "error code")), text(message.message, "error message")]);
    case "oack":
      return Buffer.concat([head(opcodes.oack), ...optionTexts(message.options)]);
  }
}
