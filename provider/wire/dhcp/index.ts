export { decodeDhcp } from "./decode";
export { encodeDhcp, encodedLength, ethernetPayload } from "./encode";
export { optionEntry, options, readOption, relaySubOptions, type OptionDefinition } from "./options";
export { anyAddress, bootReply, bootRequest, broadcastFlag, messageTypes, type DhcpPacket, type MessageName } from "./packet";
export type { SubOption } from "./sub-options";
