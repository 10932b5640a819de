import type { TftpOption } from "../wire/tftp/message";

/** How a file is going to be sent, once the client's options are weighed. */
export interface TransferPlan {
  /** Bytes of the file, as they travel. */
  readonly size: number;
  /** Bytes of every block but the last. */
  readonly blockSize: number;
  /** Blocks sent before an ACK is awaited (RFC 7440). */
  readonly windowSize: number;
  /** The first retransmission interval, milliseconds. */
  readonly timeoutMs: number;
  /** What the OACK says, in the order asked; none: the transfer starts with block 1 (RFC 2347). */
  readonly accepted: readonly TftpOption[];
}

/** What the server is willing to grant. */
export interface TransferLimits {
  /** MTU - 32 of the interface, and not above what an Ethernet frame carries: many ROMs can't reassemble fragments. */
  readonly blockSize: number;
  readonly windowSize: number;
  /** Milliseconds, where the client asks for nothing. */
  readonly timeoutMs: number;
}

/** 1500 - 32: IPv4, UDP and TFTP headers, as dnsmasq counts them. */
export const defaultLimits: TransferLimits = { blockSize: 1468, windowSize: 32, timeoutMs: 1000 };

const defaultBlockSize = 512;

/** A decimal in range; undefined makes the option one that wasn't asked (RFC 2347: an option may be ignored). */
function number(value: string, least: number, most: number): number | undefined {
  if (!/^\d{1,15}$/.test(value)) return undefined;
  const parsed = Number(value);
  return parsed >= least && parsed <= most ? parsed : undefined;
}

/**
 * Weighs a request's options. Grants only what was asked and understood: pxelinux and EDK2 abort at anything more. An option
 * given twice counts once, the first.
 * @param size bytes of the file, as they travel
 * @param tellSize whether tsize is granted: not for netascii, whose size on disk differs
 */
export function planTransfer(
  options: readonly TftpOption[],
  size: number,
  limits: TransferLimits,
  tellSize = true,
): TransferPlan {
  let blockSize = defaultBlockSize;
  let windowSize = 1;
  let timeoutMs = limits.timeoutMs;
  const accepted: TftpOption[] = [];
  const seen = new Set<string>();
  for (const { name, value } of options) {
    const key = name.toLowerCase();
    if (seen.has(key)) continue;
    seen.add(key);
    let granted: number | undefined;
    switch (key) {
      case "blksize": {
        // RFC 2348: 8 to 65464; more may be asked and less be granted.
        const asked = number(value, 8, Number.MAX_SAFE_INTEGER);
        if (asked !== undefined) granted = blockSize = Math.min(asked, limits.blockSize);
        break;
      }
      case "windowsize": {
        const asked = number(value, 1, 65535);
        if (asked !== undefined) granted = windowSize = Math.min(asked, limits.windowSize);
        break;
      }
      case "timeout":
        // RFC 2349: exactly the value asked, or no answer to it.
        granted = number(value, 1, 255);
        if (granted !== undefined) timeoutMs = granted * 1000;
        break;
      case "tsize":
        if (tellSize && number(value, 0, Number.MAX_SAFE_INTEGER) !== undefined) granted = size;
        break;
      default:
        break;
    }
    if (granted !== undefined) accepted.push({ name, value: String(granted) });
  }
  return { size, blockSize, windowSize, timeoutMs, accepted };
}

/** Blocks of the transfer: a file of an exact multiple ends with an empty block, an empty file is one empty block. */
export function blockCount(plan: TransferPlan): number {
  return Math.floor(plan.size / plan.blockSize) + 1;
}

/** The bytes of a block, counted from 1 without roll-over. */
export function blockRange(plan: TransferPlan, block: number): { readonly offset: number; readonly length: number } {
  const offset = (block - 1) * plan.blockSize;
  return { offset, length: Math.max(0, Math.min(plan.blockSize, plan.size - offset)) };
}
