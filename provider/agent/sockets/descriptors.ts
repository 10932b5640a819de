import { failure, openUnixSender, unixAddress } from "./bound-socket";
import { loadLibc, type MessageHeader } from "./koffi";

// Linux's numbers, as in bound-socket.ts; MSG_CMSG_CLOEXEC from include/linux/socket.h.
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;
const MSG_CTRUNC = 0x8;

/** struct cmsghdr (cmsg(3)) of a 64-bit Linux: a length of 8 bytes, level, type. */
const headerLength = 16;

/** Descriptors in one datagram; the kernel takes 253 (SCM_MAX_FD). */
const inOne = 64;

/** Sends descriptors to the unix datagram socket at a path: the receiver then holds the same sockets. @throws SystemCallError */
export function sendDescriptors(path: string, fds: readonly number[]): void {
  const libc = loadLibc();
  const sender = openUnixSender();
  try {
    for (let start = 0; start < fds.length; start += inOne) {
      const group = fds.slice(start, start + inOne);
      const control = Buffer.alloc(Math.ceil((headerLength + 4 * group.length) / 8) * 8);
      control.writeBigUInt64LE(BigInt(headerLength + 4 * group.length), 0);
      control.writeInt32LE(SOL_SOCKET, 8);
      control.writeInt32LE(SCM_RIGHTS, 12);
      group.forEach((fd, index) => control.writeInt32LE(fd, headerLength + 4 * index));
      if (libc.sendmsg(sender, { ...message(control), name: unixAddress(path), namelen: unixAddress(path).length }, MSG_DONTWAIT) < 0) throw failure(libc, "sendmsg");
    }
  } finally {
    libc.close(sender);
  }
}

/** Takes descriptors that wait at a datagram socket, at most `count`; all were sent before this is called. @throws SystemCallError */
export function receiveDescriptors(socket: number, count: number): number[] {
  const libc = loadLibc();
  const fds: number[] = [];
  while (fds.length < count) {
    const control = Buffer.alloc(headerLength + 4 * inOne);
    const header = message(control);
    if (libc.recvmsg(socket, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0) throw failure(libc, "recvmsg");
    const length = Number(control.readBigUInt64LE(0));
    if ((header.flags & MSG_CTRUNC) !== 0 || length <= headerLength) throw failure(libc, "recvmsg");
    for (let at = headerLength; at < length; at += 4) fds.push(control.readInt32LE(at));
  }
  return fds;
}

/** A message of one byte: a datagram without any carries no descriptors. */
function message(control: Buffer): MessageHeader {
  return { name: null, namelen: 0, iov: [{ base: Buffer.alloc(1), len: 1 }], iovlen: 1, control, controllen: control.length, flags: 0 };
}
