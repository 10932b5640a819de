import { randomInt } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { pxeError } from "../../provider/errors";
import { anyAddress, bootRequest, decodeDhcp, encodeDhcp, messageTypes, optionEntry, options, readOption, relaySubOptions, type DhcpPacket, type MessageName } from "../../provider/wire/dhcp";
import { uuidOnTheWire } from "./uuid";

/** What a machine was given. */
export interface SimLease {
  readonly address: string;
  readonly serverId: string;
  /** Where boot files are, `0.0.0.0` where the server says nothing. */
  readonly nextServer: string;
  /** Empty where there is nothing to boot. */
  readonly bootFile: string;
  /** Seconds. */
  readonly leaseTime: number;
  readonly dnsServers: readonly string[];
}

/** Which program of the machine asks: its boot ROM, or the installer that was booted. */
export type Asking = "rom" | "installer";

export interface SimDhcpOptions {
  readonly mac: string;
  readonly uuid: string | undefined;
  readonly server: string;
  readonly port: number;
  /** The relay's own address, `giaddr`. */
  readonly relay: string;
}

/** Waits for an answer to each try, milliseconds: as a boot ROM's, but shorter. */
const waits = [1000, 2000, 4000];

/** Asked for by boot ROMs (PXE 2.1 section 2.2.3 and what real ones send). */
const romParameters = [1, 2, 3, 4, 5, 6, 11, 12, 13, 15, 16, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66, 67, 97, 128, 129, 130, 131, 132, 133, 134, 135];
const installerParameters = [1, 3, 6, 12, 15, 28, 42];

/**
 * A BIOS machine's DHCP client behind a relay agent, so that it works on loopback and on any port: the relay asks to be answered
 * at the port that it sends from (RFC 8357).
 */
export class SimDhcp {
  private constructor(private readonly socket: Socket, private readonly options: SimDhcpOptions) {}

  static async open(options: SimDhcpOptions): Promise<SimDhcp> {
    const socket = createSocket("udp4");
    try {
      socket.bind({ address: options.relay, port: 0, exclusive: true });
      await once(socket, "listening");
    } catch (error) {
      socket.close();
      throw pxeError("PXE_LAB_FAILED", `the simulated relay can't use the address ${options.relay}`, { cause: error });
    }
    return new SimDhcp(socket, options);
  }

  /** DISCOVER, OFFER, REQUEST, ACK. @throws PXE_TIMEOUT where nobody offers, PXE_LAB_FAILED where the request is refused */
  async acquire(asking: Asking): Promise<SimLease> {
    const xid = randomInt(2 ** 32);
    const offer = await this.exchange(this.packet("discover", xid, asking, []), ["offer"]);
    const serverId = readOption(offer.options, options.serverId) ?? anyAddress;
    const request = this.packet("request", xid, asking, [optionEntry(options.requestedAddress, offer.yiaddr), optionEntry(options.serverId, serverId)]);
    const answer = await this.exchange(request, ["ack", "nak"]);
    if (readOption(answer.options, options.messageType) === messageTypes.nak) {
      throw pxeError("PXE_LAB_FAILED", `${offer.yiaddr} was offered and then refused: ${readOption(answer.options, options.message) ?? "no reason given"}`);
    }
    return {
      address: answer.yiaddr,
      serverId,
      nextServer: answer.siaddr,
      bootFile: answer.file || (readOption(answer.options, options.bootFile) ?? ""),
      leaseTime: readOption(answer.options, options.leaseTime) ?? 0,
      dnsServers: readOption(answer.options, options.dnsServers) ?? [],
    };
  }

  close(): void {
    this.socket.close();
  }

  private packet(type: MessageName, xid: number, asking: Asking, more: readonly (readonly [number, Uint8Array])[]): DhcpPacket {
    const { mac, uuid, relay } = this.options;
    const chaddr = new Uint8Array(16);
    chaddr.set(Buffer.from(mac.replaceAll(":", ""), "hex"));
    const own = asking === "rom" ? romOptions(uuid) : [optionEntry(options.parameterList, installerParameters), optionEntry(options.vendorClass, "d-i")];
    return {
      op: bootRequest, htype: 1, hlen: 6, hops: 1, xid, secs: 0, flags: 0x8000,
      ciaddr: anyAddress, yiaddr: anyAddress, siaddr: anyAddress, giaddr: relay, chaddr, sname: "", file: "",
      options: new Map([
        optionEntry(options.messageType, messageTypes[type]),
        ...more,
        ...own,
        optionEntry(options.relayAgent, [{ code: relaySubOptions.sourcePort, value: new Uint8Array() }]),
      ]),
    };
  }

  private async exchange(packet: DhcpPacket, wanted: readonly MessageName[]): Promise<DhcpPacket> {
    const bytes = encodeDhcp(packet);
    for (const wait of waits) {
      this.socket.send(bytes, this.options.port, this.options.server);
      const answer = await this.answer(packet.xid, wanted, wait);
      if (answer !== undefined) return answer;
    }
    throw pxeError("PXE_TIMEOUT", `nobody sent ${this.options.mac} a DHCP ${wanted.join(" or ").toUpperCase()}`);
  }

  private answer(xid: number, wanted: readonly MessageName[], wait: number): Promise<DhcpPacket | undefined> {
    const types = wanted.map((name): number => messageTypes[name]);
    return new Promise((resolve) => {
      const settle = (answer: DhcpPacket | undefined): void => {
        clearTimeout(timer);
        this.socket.off("message", receive);
        resolve(answer);
      };
      const receive = (bytes: Buffer): void => {
        const answer = decodeDhcp(bytes);
        if (answer.xid === xid && types.includes(readOption(answer.options, options.messageType) ?? 0)) settle(answer);
      };
      const timer = setTimeout(() => { settle(undefined); }, wait);
      this.socket.on("message", receive);
    });
  }
}

function romOptions(uuid: string | undefined): (readonly [number, Uint8Array])[] {
  return [
    optionEntry(options.parameterList, romParameters),
    optionEntry(options.maxMessageSize, 1260),
    optionEntry(options.clientArchitecture, [0]),
    optionEntry(options.networkInterface, Uint8Array.of(1, 2, 1)),
    optionEntry(options.vendorClass, "PXEClient:Arch:00000:UNDI:002001"),
    ...(uuid === undefined ? [] : [optionEntry(options.machineId, Uint8Array.of(0, ...uuidOnTheWire(uuid)))]),
  ];
}
