/** What perfdhcp says of its four-way exchanges. */
export interface LoadResult {
  /** DISCOVERs sent. */
  readonly sent: number;
  readonly offers: number;
  readonly acks: number;
  /** DISCOVERs a second, from the first to the last that was answered. */
  readonly sentRate: number;
  /** Milliseconds from each REQUEST to its ACK, sorted. */
  readonly ackDelays: readonly number[];
}

/**
 * Reads what perfdhcp printed with `-x t`: each answered packet's times besides the counts.
 * @throws Error when it isn't that
 */
export function parsePerfdhcp(text: string): LoadResult {
  const counts = (exchange: string, what: string): number => {
    const found = new RegExp(`^\\*\\*\\*Statistics for: ${exchange}\\*\\*\\*\\n(?:.+\\n)*?${what} packets: (\\d+)$`, "m").exec(text)?.[1];
    if (found === undefined) throw new Error(`perfdhcp says nothing of ${what} packets for ${exchange}:\n${text.slice(0, 2000)}`);
    return Number(found);
  };
  const discovers = times(text, "DISCOVER-OFFER");
  const requests = times(text, "REQUEST-ACK");
  return {
    sent: counts("DISCOVER-OFFER", "sent"), offers: counts("DISCOVER-OFFER", "received"), acks: counts("REQUEST-ACK", "received"),
    sentRate: rateOf(discovers.map(({ sentAt }) => sentAt)),
    ackDelays: requests.map(({ sentAt, receivedAt }) => (receivedAt - sentAt) * 1000).sort((a, b) => a - b),
  };
}

/** The share of exchanges that didn't come to an ACK. */
export function lossOf({ sent, acks }: Pick<LoadResult, "sent" | "acks">): number {
  return sent === 0 ? 1 : 1 - acks / sent;
}

/** Exchanges' worth of answers: a DISCOVER that was answered and led no further is half of one. */
export function answered({ offers, acks }: Pick<LoadResult, "offers" | "acks">): number {
  return (offers + acks) / 2;
}

/** The value that `share` of the sorted values don't exceed (nearest rank); NaN of none. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

interface Times {
  readonly sentAt: number;
  readonly receivedAt: number;
}

/** Seconds since perfdhcp's start. */
function times(text: string, exchange: string): Times[] {
  const start = text.indexOf(`***Timestamps for packets: ${exchange}***`);
  if (start < 0) throw new Error(`perfdhcp gave no times for ${exchange}:\n${text.slice(0, 2000)}`);
  const end = text.indexOf("\n\n", start);
  const part = text.slice(start, end < 0 ? undefined : end);
  return [...part.matchAll(/^sent \/ received: (\d+\.\d+) \/ (\d+\.\d+)$/gm)].map(([, sent, received]) => ({ sentAt: Number(sent), receivedAt: Number(received) }));
}

function rateOf(moments: readonly number[]): number {
  const sorted = moments.toSorted((a, b) => a - b);
  return (sorted.length - 1) / ((sorted.at(-1) ?? Number.NaN) - (sorted[0] ?? Number.NaN));
}
