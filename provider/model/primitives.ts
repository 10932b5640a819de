import * as z from "zod";
import { parseIpv4, parseNetwork } from "./ip";

/** `52:54:00:12:34:56`, lower case, is the one form inside the product; dashes and upper case are accepted and folded. */
export const mac = z
  .string()
  .transform((text) => text.toLowerCase().replaceAll("-", ":"))
  .refine((text) => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text), { error: "is not a MAC address like 52:54:00:12:34:56" })
  .refine((text) => (Number.parseInt(text.slice(0, 2), 16) & 1) === 0, { error: "is a group (multicast) address" });

export const ip = z.string().refine((text) => parseIpv4(text) !== undefined, { error: "is not an IPv4 address" });

export const cidr = z
  .string()
  .refine((text) => parseNetwork(text) !== undefined, { error: "is not an IPv4 network like 10.77.0.0/24 (prefix 1 to 30)" });

/** RFC 1123 section 2.1: a label of letters, digits and inner hyphens. */
export const hostLabel = z
  .string()
  .regex(/^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/, { error: "is not a host name label (RFC 1123): letters, digits, inner hyphens, 63 at most" });

export const domainName = z
  .string()
  .max(253)
  .regex(/^([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/, { error: "is not a domain name" });

/** RFC 4122 text form, folded to lower case. */
export const uuid = z
  .string()
  .transform((text) => text.toLowerCase())
  .refine((text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text), { error: "is not a UUID" });

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: "is not a SHA-256 sum in lower-case hexadecimal" });

/**
 * Linux: at most 15 bytes, no slash, no colon, no white space (net/core/dev.c, dev_valid_name). Such names end up in commands of root's, so what a
 * shell, iptables (`eth+`) or a command's options would take for something else is none either: no distribution gives such a name.
 */
export const interfaceName = z
  .string()
  .regex(/^[^\x00-\x20\x7f\s/:;&|<>()[\]{}$`"'\\*?!#~^+.-][^\x00-\x20\x7f\s/:;&|<>()[\]{}$`"'\\*?!#~^+]{0,14}$/, { error: "is not a network interface name" });

export const port = z.int().min(1).max(65535);

/** Text that ends up in one line of a loader's configuration. */
export const oneLine = z.string().max(2048).regex(/^[^\x00-\x1f\x7f]*$/, { error: "contains a line break or control character" });

/** The same where the wire has one byte a character. */
export const oneByteLine = oneLine.regex(/^[\x00-\xff]*$/, { error: "has a character that a boot program's name can't have: only those up to ÿ (Latin-1)" });

/** A document's name: what the program calls the resource. */
export const documentName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, { error: "is not a name: letters, digits, dot, dash, underscore; 128 at most" });
