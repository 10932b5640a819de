import type { AssetSpec, ProfileSpec } from "../model/documents";
import { renderedPaths } from "../model/rendered";
import { decideBoot, type BootClient } from "./boot";
import type { HostRecord } from "./facts";

/** A boot file asked for, by TFTP or under `/boot/` by HTTP. */
export interface BootRequest {
  /** Normalised: no leading slash, no empty, `.` or `..` segments. */
  readonly path: string;
  /** The declared host that the client's address belongs to. */
  readonly host: HostRecord | undefined;
  readonly client: BootClient;
}

/** `text` still has its placeholders: the shell fills them (`fillFor`). */
export type BootFile =
  | { readonly kind: "asset"; readonly asset: AssetSpec }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "notFound"; readonly reason: string };

/** The folder that BIOS loaders and their configuration are served from; the first segment tells the firmware family. */
export const biosFolder = "bios/";

/** Where a profile's files are by TFTP too, as by HTTP: `a/<sha256>/<name>`. */
const assetFolder = "a/";

/** A host's own kernel or initrd. They are no secret: whether to boot them was decided when their paths were told. */
function installerFile(host: HostRecord, path: string): BootFile {
  const spec = host.profile?.spec;
  const files = spec === undefined ? [] : [spec.kernel, ...spec.initrd];
  const asset = files.find((item) => path === `${assetFolder}${item.sha256}/${item.name}`);
  return asset === undefined ? { kind: "notFound", reason: "no such file" } : { kind: "asset", asset };
}

/** The boot program that DHCP names to a BIOS client of this profile. */
export function biosProgram(profile: ProfileSpec): string | undefined {
  return profile.loaders.bios === undefined ? undefined : biosFolder + profile.loaders.bios.program.name;
}

/**
 * What is behind a path for who asks. A loader is given to any declared host that has one; configuration only as `decideBoot`
 * says, and only the host's own, whatever name it is asked by (NETBOOT C1, C4).
 */
export function bootFile(request: BootRequest, now: number): BootFile {
  const { host, path } = request;
  if (host === undefined) return { kind: "notFound", reason: "the client is not a declared host" };
  if (path.startsWith(assetFolder)) return installerFile(host, path);
  if (!path.startsWith(biosFolder)) return { kind: "notFound", reason: "no such file" };
  const name = path.slice(biosFolder.length);
  if (name.startsWith("pxelinux.cfg/")) return pxelinuxConfig(request, host, name.slice("pxelinux.cfg/".length), now);
  const loader = host.profile?.spec.loaders.bios;
  const asset = loader === undefined ? undefined : [loader.program, ...loader.modules].find((item) => item.name === name);
  return asset === undefined ? { kind: "notFound", reason: "no such file" } : { kind: "asset", asset };
}

/**
 * PXELINUX asks for its UUID, `01-<mac>`, its address in shrinking hexadecimal, and `default` (NETBOOT C1). It is answered at its
 * MAC, the first name that every machine can be known by. `default` is asked for by a machine that was not found by its MAC, so
 * another one than the host whose address it has: it never gets more than a boot from disk.
 */
function pxelinuxConfig(request: BootRequest, host: HostRecord, name: string, now: number): BootFile {
  const own = host.document.spec.macs.some((mac) => name.toLowerCase() === `01-${mac.replaceAll(":", "-")}`);
  if (!own && name !== "default") return { kind: "notFound", reason: "the host's configuration is under its MAC" };
  const decision = decideBoot(host, request.client, now);
  switch (decision.action) {
    case "install":
      return renderedText(host, own ? renderedPaths.pxelinuxInstall : renderedPaths.pxelinuxLocal);
    case "local":
      return renderedText(host, renderedPaths.pxelinuxLocal);
    case "ignore":
      return { kind: "notFound", reason: decision.reason };
  }
}

function renderedText(host: HostRecord, path: string): BootFile {
  const text = host.document.spec.rendered[path];
  return text === undefined ? { kind: "notFound", reason: `the host's document has no ${path}` } : { kind: "text", text };
}
