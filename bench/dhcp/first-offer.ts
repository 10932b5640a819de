import { createSocket } from "node:dgram";
import { decodeDhcp, encodeDhcp, messageTypes, options, optionEntry, readOption, type DhcpPacket } from "../../provider/wire/dhcp";
import { groups, macOf, network } from "./network";

/** Milliseconds. */
const askEvery = 10;

/** `node first-offer.js`, in a relay's namespace: asks until a server offers an address; a line as it begins to ask, and one with the Unix time of the offer in milliseconds. */
function main(): void {
  const socket = createSocket("udp4");
  const message = encodeDhcp(discover());
  socket.on("message", (bytes) => {
    const reply = decodeDhcp(bytes);
    if (readOption(reply.options, options.messageType) !== messageTypes.offer) return;
    process.stdout.write(`${String(performance.timeOrigin + performance.now())}\n`);
    process.exit(0);
  });
  socket.bind(67, network.relay, () => {
    const ask = (): void => { socket.send(message, 67, network.server, () => undefined); };
    setInterval(ask, askEvery);
    process.stdout.write("asking\n");
  });
}

function discover(): DhcpPacket {
  const mac = macOf(groups.asking, 0).split(":").map((part) => Number.parseInt(part, 16));
  const chaddr = new Uint8Array(16);
  chaddr.set(mac);
  return {
    op: 1, htype: 1, hlen: 6, hops: 1, xid: 0x62656e63, secs: 0, flags: 0, ciaddr: "0.0.0.0", yiaddr: "0.0.0.0", siaddr: "0.0.0.0", giaddr: network.relay,
    chaddr, sname: "", file: "", options: new Map([optionEntry(options.messageType, messageTypes.discover)]),
  };
}

main();
