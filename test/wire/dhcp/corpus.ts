import { rawMessage } from "./packets";

/**
 * Who has the last word on a packet: `codec` and `engine` refuse it as malformed; `taken` is read, as far as it is good, and decided
 * like any other; `bootp` is no DHCP, and taken where BOOTP is.
 */
export type Verdict = "codec" | "engine" | "taken" | "bootp";

export interface CorpusPacket {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly verdict: Verdict;
}

type Patch = (bytes: Buffer) => void;

const mac = "525400123456";

/** A DISCOVER of a PXE ROM, option by option. */
const rom = [
  "350101", "390205c0", "3711010203060c0d0f111216171c28292a2b36", "3d0701" + mac, "5d020000", "5e03010201",
  "6111" + "00" + "00112233445566778899aabbccddeeff", "3c20" + Buffer.from("PXEClient:Arch:00000:UNDI:002001").toString("hex"),
].join("");

/** @param options in hexadecimal, behind the cookie */
function packet(name: string, verdict: Verdict, options: string, patch?: Patch): CorpusPacket {
  return { name, verdict, bytes: new Uint8Array(rawMessage([...Buffer.from(options, "hex")], patch)) };
}

function shortened(name: string, length: number): CorpusPacket {
  return { name, verdict: "codec", bytes: new Uint8Array(rawMessage([...Buffer.from("350101ff", "hex")])).slice(0, length) };
}

const discover = "350101";
const zeros = (length: number) => "00".repeat(length);

/** What A38 names, and what crashed or confused other servers. Nothing here was written by the codec. */
export const corpus: readonly CorpusPacket[] = [
  packet("a good DISCOVER of a PXE ROM", "taken", `${rom}ff`),
  packet("a good DISCOVER, padded to 548 bytes", "taken", `${discover}3d0701${mac}ff${zeros(296)}`),
  packet("a good DISCOVER behind a relay", "taken", `${discover}5206010400010002ff`, (bytes) => { bytes.set([10, 77, 0, 254], 24); }),
  packet("a good DISCOVER of iPXE", "taken", `${rom}4d0469505845af0f100102130101210101170101b10101ff`),

  // Cut or false from the start.
  shortened("an empty datagram", 0),
  shortened("one byte", 1),
  shortened("235 bytes", 235),
  shortened("236 bytes: no cookie", 236),
  shortened("238 bytes: half a cookie", 238),
  packet("a cookie of zeros", "codec", `${discover}ff`, (bytes) => { bytes.fill(0, 236, 240); }),
  packet("a cookie in the wrong byte order", "codec", `${discover}ff`, (bytes) => { bytes.set([0x63, 0x53, 0x82, 0x63], 236); }),
  packet("op 0", "codec", `${discover}ff`, (bytes) => { bytes[0] = 0; }),
  packet("op 2, a reply", "engine", `${discover}ff`, (bytes) => { bytes[0] = 2; }),
  packet("op 3", "codec", `${discover}ff`, (bytes) => { bytes[0] = 3; }),
  packet("op 255", "codec", `${discover}ff`, (bytes) => { bytes[0] = 255; }),
  packet("hlen 17", "codec", `${discover}ff`, (bytes) => { bytes[2] = 17; }),
  packet("hlen 255", "codec", `${discover}ff`, (bytes) => { bytes[2] = 255; }),
  packet("hlen 0 and no client identifier", "engine", `${discover}ff`, (bytes) => { bytes[2] = 0; }),
  packet("giaddr 255.255.255.255", "engine", `${discover}ff`, (bytes) => { bytes.fill(255, 24, 28); }),

  // The message type.
  packet("no message type", "bootp", "0c0161ff"),
  packet("no option at all", "bootp", "ff"),
  packet("nothing behind the cookie", "bootp", ""),
  packet("a message type of length 0", "engine", "3500ff"),
  packet("a message type of length 2", "engine", "35020101ff"),
  packet("two message types", "engine", "350101350103ff"),
  packet("message type 0", "engine", "350100ff"),
  packet("message type 9", "engine", "350109ff"),
  packet("message type 18, a lease query's", "engine", "350112ff"),
  packet("message type 255", "engine", "3501ffff"),
  packet("an OFFER", "engine", "350102ff"),
  packet("an ACK", "engine", "350105ff"),
  packet("a NAK", "engine", "350106ff"),
  packet("a REQUEST for nothing", "engine", "350103ff"),
  packet("a DECLINE of nothing", "engine", "350104ff"),
  packet("a RELEASE of nothing", "engine", "350107ff"),

  // Values.
  packet("a host name of NULs", "engine", `${discover}0c03000000ff`),
  packet("an empty host name", "engine", `${discover}0c00ff`),
  packet("an empty client identifier", "engine", `${discover}3d00ff`),
  packet("an empty client identifier, twice", "engine", `${discover}3d003d00ff`),
  packet("a requested address of 3 bytes", "engine", `${discover}32030a4d00ff`),
  packet("a requested address of 5 bytes", "engine", `${discover}32050a4d000101ff`),
  packet("a server identifier of length 0", "engine", "3501033600ff"),
  packet("a lease time of 2 bytes", "engine", `${discover}33020e10ff`),
  packet("a longest message of 1 byte", "engine", `${discover}390105ff`),
  packet("a longest message of 0", "taken", `${discover}39020000ff`),
  packet("an empty parameter list", "taken", `${discover}3700ff`),
  packet("a parameter list of PAD and END", "taken", `${discover}370300ff01ff`),
  packet("a parameter list of 255 codes", "taken", `${discover}37ff${Array.from({ length: 255 }, (_, code) => code.toString(16).padStart(2, "0")).join("")}ff`),
  packet("an architecture of one byte", "taken", `${discover}5d0107ff`),
  packet("an empty vendor class", "taken", `${discover}3c00ff`),
  packet("a vendor class of control bytes and escapes", "taken", `${discover}3c0c1b5d303b78070d0a00257325ff`),
  packet("a UUID of 5 bytes", "taken", `${discover}61050001020304ff`),
  packet("a domain search list that points at itself", "taken", `${discover}7702c000ff`),

  // Encapsulated options.
  packet("option 43: a sub-option is cut", "engine", `${discover}2b03060501ff`),
  packet("option 43: a code without a length", "engine", `${discover}2b0106ff`),
  packet("option 43 that is empty, or all PAD", "taken", `${discover}2b002b03000000ff`),
  packet("option 82: a sub-option is cut", "engine", `${discover}5203010900ff`),
  packet("option 82: a code without a length", "engine", `${discover}520101ff`),
  packet("option 82: the second sub-option is cut", "engine", `${discover}5206010131020931ff`),
  packet("option 82: a link selection of 3 bytes", "taken", `${discover}520505030a4d00ff`),
  packet("option 125: the vendor's number is cut", "engine", `${discover}7d03000001ff`),
  packet("option 125: the vendor's part is cut", "engine", `${discover}7d06000001370901ff`),
  packet("option 125: a sub-option is cut", "engine", `${discover}7d08000001370301ff01ff`),
  packet("option 175 that is cut inside", "taken", `${discover}af03b00501ff`),

  // Overload.
  packet("overload of file that points at itself", "codec", `${discover}340101ff`, (bytes) => { bytes.set([52, 1, 1, 255], 108); }),
  packet("overload of sname that points at file", "codec", `${discover}340102ff`, (bytes) => { bytes.set([52, 1, 1, 255], 44); }),
  packet("overload of both, each pointing at the other", "codec", `${discover}340103ff`, (bytes) => {
    bytes.set([52, 1, 2, 255], 108);
    bytes.set([52, 1, 1, 255], 44);
  }),
  packet("overload of a field without END", "taken", `${discover}340103ff`, (bytes) => {
    bytes.fill(0, 44, 236);
    bytes.set([12, 126, ...Buffer.from("a".repeat(126))], 108);
  }),
  packet("overload whose option runs past its field", "taken", `${discover}340102ff`, (bytes) => { bytes.set([12, 200], 44); }),
  packet("overload 0", "taken", `${discover}340100ff`),
  packet("overload 200", "taken", `${discover}3401c8ff`),
  packet("overload of length 0", "taken", `${discover}3400ff`),

  // Good as far as it goes.
  packet("no END", "taken", discover),
  packet("no END, and padded", "taken", `${discover}${zeros(60)}`),
  packet("a broken option after good ones", "taken", `${discover}3d0701${mac}0cc861`),
  packet("a length alone is missing at the end", "taken", `${discover}3d0701${mac}0c`),
  packet("options behind END", "taken", `${discover}ff350109`),
  packet("PAD between all options", "taken", `0000${discover}003d0701${mac}00ff`),
  packet("the broken option comes first", "bootp", `0cff6135`),
  packet("the codes that mean nothing here, from 178 to 206, empty", "taken", `${discover}${Array.from({ length: 29 }, (_, index) => `${(178 + index).toString(16)}00`).join("")}ff`),
  packet("a client identifier in 255 parts", "taken", `${discover}${"3d0101".repeat(255)}ff`),
  packet("a client identifier in 300 parts", "engine", `${discover}${"3d0101".repeat(300)}ff`),
  packet("60,000 bytes of PAD", "taken", `${discover}${zeros(60_000)}ff`),
];
