import { pxeError } from "../errors";
import type { AnswerFormat } from "../model/documents";
import { formatIpv4, netmask, parseNetwork } from "../model/ip";
import { answerFileName, renderedPaths } from "../model/rendered";
import { kernelArgs } from "./kernel-args";
import { placeholders } from "./placeholders";
import { pxelinuxInstall, pxelinuxLocal, pxelinuxTransport } from "./pxelinux";
import { renderAnswer } from "./template";

/** A file of the profile; without its hash where that is not known before the file has been fetched. */
export interface AssetReference {
  readonly name: string;
  readonly sha256?: string | undefined;
}

/** All that the bytes served to one host depend on. Unknown values of a preview arrive as the `‹known after apply›` placeholder. */
export interface RenderInput {
  readonly host: {
    readonly name: string;
    readonly hostname: string;
    readonly macs: readonly string[];
    readonly ip?: string | undefined;
    /** Undefined where they are not known yet. */
    readonly secretNames: readonly string[] | undefined;
  };
  readonly subnet: {
    readonly cidr: string;
    readonly routers: readonly string[];
    readonly dnsServers: readonly string[];
    readonly domainName?: string | undefined;
  };
  readonly profile: {
    readonly name: string;
    readonly distro: { readonly family: "debian" | "rhel"; readonly release: string; readonly repository?: string | undefined };
    readonly kernel: AssetReference;
    readonly initrd: readonly AssetReference[];
    /** File name of the BIOS loader: what it can do decides how it is told to fetch. */
    readonly biosLoader?: string | undefined;
    /** Added to the arguments that the distribution needs. */
    readonly kernelArgs: string;
    readonly answer?: {
      readonly format: AnswerFormat;
      readonly template: string;
      readonly vars: Readonly<Record<string, unknown>>;
    } | undefined;
  };
}

/**
 * Everything that one host will be served, as text by path. The same function makes the preview and the document.
 * @throws PxeError PXE_TEMPLATE_FAILED, PXE_TEMPLATE_UNSAFE
 */
export function renderHost(input: RenderInput): Record<string, string> {
  const { host, profile, subnet } = input;
  const answerFile = profile.answer === undefined ? undefined : answerFileName(profile.answer.format);
  const install = pxelinuxInstall(
    {
      title: `${host.hostname}: installing ${profile.name}`,
      kernel: assetPath(profile.kernel),
      initrd: profile.initrd.map(assetPath),
      append: kernelArgs({
        family: profile.distro.family, repository: profile.distro.repository, hostname: host.hostname,
        domainName: subnet.domainName, routers: subnet.routers, dnsServers: subnet.dnsServers, answerFile, extra: profile.kernelArgs,
      }),
    },
    pxelinuxTransport(profile.biosLoader),
    placeholders.server,
  );
  if (install.includes("‹secret:")) {
    throw pxeError("PXE_TEMPLATE_UNSAFE", `the loader configuration of ${host.name} names a secret`, {
      where: [{ document: `profile/${profile.name}`, property: "kernelArgs" }], fix: "It is sent in the clear by TFTP: use the secret in the answer file.",
    });
  }
  return {
    ...(profile.answer === undefined || answerFile === undefined
      ? {}
      : { [answerFile]: renderAnswer(profile.answer.format, profile.answer.template, scopeOf(input, profile.answer.vars)) }),
    [renderedPaths.pxelinuxInstall]: install,
    [renderedPaths.pxelinuxLocal]: pxelinuxLocal(`${host.hostname}: booting from its disk`),
  };
}

function assetPath(asset: AssetReference): string {
  return asset.sha256 === undefined ? placeholders.asset(asset.name) : `/a/${asset.sha256}/${asset.name}`;
}

function scopeOf(input: RenderInput, vars: Readonly<Record<string, unknown>>): Parameters<typeof renderAnswer>[2] {
  const { host, profile, subnet } = input;
  const net = parseNetwork(subnet.cidr);
  return {
    host: {
      name: host.name, hostname: host.hostname, macs: host.macs, ip: host.ip, domainName: subnet.domainName ?? "",
    },
    subnet: {
      cidr: subnet.cidr,
      netmask: net === undefined ? placeholders.unknown : formatIpv4(netmask(net)),
      routers: subnet.routers,
      dnsServers: subnet.dnsServers,
    },
    profile: {
      name: profile.name, family: profile.distro.family, release: profile.distro.release, repository: profile.distro.repository ?? "",
    },
    vars,
    secretNames: host.secretNames,
  };
}
