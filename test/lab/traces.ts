import fs from "node:fs";
import path from "node:path";
import { run } from "../../lab/process";
import { labFolder } from "../../lab/registry";

function names(folder: string): string[] {
  return fs.existsSync(folder) ? fs.readdirSync(folder) : [];
}

function processesNaming(text: string): string[] {
  return names("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid).flatMap((pid) => {
    try {
      const command = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      return command.includes(text) ? [`process ${pid}: ${command}`] : [];
    } catch {
      return [];
    }
  });
}

/** Everything on this machine that still bears a lab's id, found without the lab's own code or record. */
export async function tracesOf(id: string): Promise<string[]> {
  const links = JSON.parse((await run("ip", ["-json", "link", "show"])).stdout) as { ifname: string }[];
  const groups = ["", "systemd", "unified"].map((name) => path.join("/sys/fs/cgroup", name));
  return [
    ...names("/run/netns").filter((name) => name.includes(id)).map((name) => `namespace ${name}`),
    ...links.filter(({ ifname }) => ifname.includes(id)).map(({ ifname }) => `link ${ifname}`),
    ...fs.readFileSync("/proc/self/mountinfo", "utf8").split("\n").filter((line) => line.includes(id)).map((line) => `mount ${line}`),
    ...groups.flatMap((folder) => names(folder).filter((name) => name.includes(id)).map((name) => `control group ${folder}/${name}`)),
    ...names("/run").filter((name) => name.includes(id)).map((name) => `folder /run/${name}`),
    ...names("/run/systemd/nspawn").flatMap((kind) => names(`/run/systemd/nspawn/${kind}`)).filter((name) => name.includes(id)),
    ...(fs.existsSync(labFolder(id)) ? [`folder ${labFolder(id)}`] : []),
    ...processesNaming(id),
  ];
}
