export { interfaceAddresses, isLoopback } from "./interfaces";
export { Keeper, plainSockets, type KeptSocket, type SocketSource } from "./keeper";
export { portHolder, type Transport } from "./port-holder";
export { openUdp, type UdpRequest } from "./udp";
