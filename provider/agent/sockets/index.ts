export { interfaceAddresses, interfaceIndex, isLoopback } from "./interfaces";
export { Frames } from "./frames";
export { Keeper, type KeptSocket } from "./keeper";
export { Pinger } from "./pinger";
export { portHolder, type Transport } from "./port-holder";
export { plainSockets, type BroadcastPort, type BroadcastSockets, type SocketSource } from "./source";
export { openUdp, type UdpRequest } from "./udp";
