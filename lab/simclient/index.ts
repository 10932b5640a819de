import { createHash } from "node:crypto";
import { posix } from "node:path";
import { pxeError } from "../../provider/errors";
import { SimDhcp, type SimLease } from "./dhcp";
import { httpFetch } from "./http";
import { answerUrl, configSearch, parseConfig } from "./pxelinux";
import { tftpGet, type TftpPlace } from "./tftp";

/** A BIOS machine to simulate, and the agent to boot it from. */
export interface SimMachine {
  /** `52:54:00:12:34:56`. */
  readonly mac: string;
  readonly uuid?: string;
  /** The agent's address. */
  readonly server: string;
  readonly dhcpPort: number;
  readonly tftpPort: number;
  /** An address inside the machine's subnet for the simulated relay agent, such as `127.77.0.254`. */
  readonly relay: string;
  /** Whether the booted installer goes on to report a whole installation; otherwise it stops at the answer file. */
  readonly install: boolean;
  /** Called with one line for each thing that happens. */
  readonly progress?: (line: string) => void;
}

/** A file that the machine got. */
export interface SimFile {
  readonly via: "tftp" | "http";
  /** Path or URL. */
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}

/** All that the machine saw. */
export interface SimResult {
  /** `nothing`: it was offered no boot file. */
  readonly action: "install" | "local" | "nothing";
  readonly lease: SimLease;
  /** In the order in which they came. */
  readonly files: readonly SimFile[];
  /** Configuration names that were not there. */
  readonly missing: readonly string[];
  readonly config: string | undefined;
  readonly append: string | undefined;
  readonly answer: { readonly url: string; readonly text: string } | undefined;
  readonly reports: readonly { readonly stage: string; readonly status: number }[];
  /** The made-up host keys that it sent. */
  readonly sshHostKeys: readonly string[];
}

/**
 * Boots a simulated machine over real sockets, without root: DHCP, loader, its configuration, kernel, answer file, and if asked
 * the installer's reports.
 * @throws PXE_TIMEOUT, PXE_LAB_FAILED naming the step that failed
 */
export async function simulateBoot(machine: SimMachine): Promise<SimResult> {
  const dhcp = await SimDhcp.open({ ...machine, uuid: machine.uuid, port: machine.dhcpPort });
  try {
    return await new Boot(machine, dhcp, await dhcp.acquire("rom")).run();
  } finally {
    dhcp.close();
  }
}

/** SYSLINUX doc/pxelinux.txt: names are beside the loader, but for those that begin with "::". */
function tftpName(name: string, folder: string): string {
  return name.startsWith("::") ? name.slice(2) : posix.join(folder, name);
}

class Boot {
  private readonly files: SimFile[] = [];
  private readonly missing: string[] = [];
  private readonly reports: { stage: string; status: number }[] = [];
  private readonly place: TftpPlace;

  constructor(private readonly machine: SimMachine, private readonly dhcp: SimDhcp, private readonly lease: SimLease) {
    const server = lease.nextServer === "0.0.0.0" ? machine.server : lease.nextServer;
    this.place = { server, port: machine.tftpPort, from: lease.address };
  }

  async run(): Promise<SimResult> {
    const { lease } = this;
    this.say(`DHCP: leased ${lease.address} from ${lease.serverId}, boot file ${lease.bootFile === "" ? "none" : lease.bootFile}`);
    if (lease.bootFile === "") return this.result({ action: "nothing" });
    const folder = posix.dirname(lease.bootFile);
    await this.load(lease.bootFile);
    await this.load(posix.join(folder, "ldlinux.c32"));
    const config = await this.configuration(folder);
    const entry = parseConfig(config);
    if (entry === undefined) throw pxeError("PXE_LAB_FAILED", `${this.machine.mac}: the loader's configuration boots nothing`);
    if (entry.action === "local") {
      this.say("PXELINUX: boots from its disk");
      return this.result({ action: "local", config });
    }
    for (const name of [entry.kernel, ...entry.initrds]) await (name.includes("://") ? this.download(name) : this.load(tftpName(name, folder)));
    return this.installer(config, entry.append);
  }

  private async installer(config: string, append: string): Promise<SimResult> {
    const again = await this.dhcp.acquire("installer");
    if (again.address !== this.lease.address) throw pxeError("PXE_LAB_FAILED", `the installer was given ${again.address}, the boot ROM ${this.lease.address}`);
    const url = answerUrl(append);
    if (url === undefined) return this.result({ action: "install", config, append });
    const answer = await httpFetch(url, this.lease.address);
    if (answer.status !== 200) throw pxeError("PXE_LAB_FAILED", `the answer file was refused with ${answer.status}: ${answer.text.trim()}`);
    this.say(`HTTP: answer file ${posix.basename(url)}, ${answer.size} bytes`);
    const sshHostKeys = this.machine.install ? await this.report(url) : [];
    return this.result({ action: "install", config, append, answer: { url, text: answer.text }, sshHostKeys });
  }

  /** What an unattended installation tells on its way. */
  private async report(answer: string): Promise<string[]> {
    const at = (area: string): string => answer.replace(/\/answer\/([^/]+)\/.*$/, `/${area}/$1`);
    await this.post(at("report"), "installing", "stage=installing&text=simulated");
    await this.post(at("report"), "wiping", "stage=wiping&text=simulated");
    const keys = [hostKey(this.machine.mac)];
    await this.post(at("done"), "done", `${keys.join("\n")}\n`);
    return keys;
  }

  private async post(url: string, stage: string, body: string): Promise<void> {
    const { status, text } = await httpFetch(url, this.lease.address, body);
    this.reports.push({ stage, status });
    if (status !== 200) throw pxeError("PXE_LAB_FAILED", `the report "${stage}" was refused with ${status}: ${text.trim()}`);
    this.say(`installer: reported ${stage}`);
  }

  private async load(path: string): Promise<void> {
    const result = await tftpGet(this.place, path);
    if (!result.found) throw pxeError("PXE_LAB_FAILED", `${path} was not served by TFTP: ${result.reason}`);
    this.took("tftp", path, result.bytes.length, createHash("sha256").update(result.bytes).digest("hex"));
  }

  private async configuration(folder: string): Promise<string> {
    for (const name of configSearch({ mac: this.machine.mac, uuid: this.machine.uuid, address: this.lease.address })) {
      const path = posix.join(folder, name);
      const result = await tftpGet(this.place, path);
      if (result.found) {
        this.took("tftp", path, result.bytes.length, createHash("sha256").update(result.bytes).digest("hex"));
        return result.bytes.toString("utf8");
      }
      this.missing.push(path);
    }
    throw pxeError("PXE_LAB_FAILED", `${this.machine.mac} found no PXELINUX configuration under ${this.missing.length} names`);
  }

  private async download(url: string): Promise<void> {
    const { status, size, sha256 } = await httpFetch(url, this.lease.address);
    if (status !== 200) throw pxeError("PXE_LAB_FAILED", `${url} was refused with ${status}`);
    this.took("http", url, size, sha256);
  }

  private took(via: SimFile["via"], name: string, size: number, sha256: string): void {
    this.files.push({ via, name, size, sha256 });
    this.say(`${via.toUpperCase()}: ${posix.basename(name)}, ${size} bytes`);
  }

  private say(line: string): void {
    this.machine.progress?.(line);
  }

  private result(seen: Pick<SimResult, "action"> & Partial<SimResult>): SimResult {
    const { lease, files, missing, reports } = this;
    return { config: undefined, append: undefined, answer: undefined, sshHostKeys: [], ...seen, lease, files, missing, reports };
  }
}

/** A well-formed key that belongs to nobody: the same for the same machine. */
function hostKey(mac: string): string {
  const type = Buffer.from("ssh-ed25519");
  const key = createHash("sha256").update(mac).digest();
  const length = (bytes: Buffer): Buffer => Buffer.from([0, 0, 0, bytes.length]);
  return `${type.toString()} ${Buffer.concat([length(type), type, length(key), key]).toString("base64")}`;
}
