import { toNetascii } from "../../wire/tftp/netascii";
import type { OpenAsset } from "../assets";

/** What a transfer reads its blocks from. */
export interface ByteSource {
  readonly size: number;
  /** The bytes, at once where they are in memory; fewer than asked where the file was cut meanwhile. */
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Longest file that is converted to netascii: it is for text, and is held in memory. */
export const longestNetascii = 1024 * 1024;

/** A source in memory. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length), close: () => Promise.resolve() };
}

/** A source over an asset; closing it closes the asset. */
export function assetSource(asset: OpenAsset): ByteSource {
  const { bytes } = asset;
  return bytes !== undefined ? memorySource(bytes) : { size: asset.size, read: (offset, length) => asset.read(offset, length), close: () => asset.close() };
}

/** The source as netascii; undefined where it is too long for a text. The source is closed in any case. */
export async function netasciiSource(source: ByteSource): Promise<ByteSource | undefined> {
  try {
    return source.size > longestNetascii ? undefined : memorySource(toNetascii(await source.read(0, source.size)));
  } finally {
    await source.close();
  }
}
