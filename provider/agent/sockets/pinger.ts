import { randomInt } from "node:crypto";
import { formatIpv4 } from "../../model/ip";
import { closeBoundSocket, failure, openIcmpSocket, socketAddress } from "./bound-socket";
import { internetChecksum } from "./checksum";
import { loadLibc, type Libc } from "./koffi";

// ICMP (RFC 792): type, code, checksum, identifier, sequence number.
const echoReply = 0;
const echoRequest = 8;
const length = 8;

const MSG_DONTWAIT = 0x40;

/** Answers read in one look: others may ping too, and each raw socket hears every answer. */
const readAtMost = 2048;

/** Sends ICMP echo requests and hears what answers them, without ever waiting. */
export class Pinger {
  private readonly identifier = randomInt(0x10000);
  private readonly packet = Buffer.alloc(256);

  private constructor(private readonly libc: Libc, private readonly fd: number) {}

  /** @throws SystemCallError without CAP_NET_RAW, PXE_UNSUPPORTED_TARGET */
  static open(): Pinger {
    return new Pinger(loadLibc(), openIcmpSocket(echoReply));
  }

  /** An address that nothing leads to is one that doesn't answer. */
  send(address: string): void {
    const message = Buffer.alloc(length);
    message[0] = echoRequest;
    message.writeUInt16BE(this.identifier, 4);
    message.writeUInt16BE(internetChecksum(message, 0, length), 2);
    this.libc.sendto(this.fd, message, MSG_DONTWAIT, socketAddress({ address, port: 0 }));
  }

  /** @throws SystemCallError */
  look(answered: (address: string) => void): void {
    for (let count = 0; count < readAtMost; count++) {
      const size = this.libc.recv(this.fd, this.packet, MSG_DONTWAIT);
      if (size < 0) {
        const error = failure(this.libc, "recv");
        if (error.code === "EAGAIN") return;
        throw error;
      }
      // A raw socket gives the IP header too.
      const at = ((this.packet[0] ?? 0) & 15) * 4;
      if (size < at + length || at < 20 || this.packet[at] !== echoReply || this.packet.readUInt16BE(at + 4) !== this.identifier) continue;
      answered(formatIpv4(this.packet.readUInt32BE(12)));
    }
  }

  close(): void {
    closeBoundSocket(this.fd);
  }
}
