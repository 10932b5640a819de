export { interfaceAddresses, isLoopback } from "./interfaces";
export { portHolder, type Transport } from "./port-holder";
export { openUdp, type UdpRequest } from "./udp";
