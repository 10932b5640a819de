import { createReadStream } from "node:fs";
import { bundleFolder, layout } from "./layout";
import { hasFile, usableNode, type NodeFound, type Observation } from "./observe";
import { targetNode, type Architecture, type NodeFile } from "./binaries";
import type { AgentBundle, LocalFile } from "./payload";
import type { Changes, DeployRequest } from "./request";
import { mustRun, quote, upload, type Shell } from "./shell";

/** The Node that runs the agent on a target. */
export interface ChosenNode {
  readonly path: string;
  readonly source: "target" | "uploaded";
  /** Uploaded first, where it isn't there yet. */
  readonly upload?: NodeFile;
}

/**
 * Chooses the Node: one that is given; else the one in use while it will do; else the target's own; else the pinned one.
 * @param given path of a Node on the operator's machine, for networks without npm
 */
export async function chooseNode(observation: Observation, architecture: Architecture, given: string | undefined, progress: (line: string) => void): Promise<ChosenNode> {
  const linked = observation.nodeLink;
  const isUploaded = (node: NodeFound): boolean => node.path.startsWith(`${layout.nodes}/`);
  if (given === undefined && linked !== undefined && usableNode(linked) && !isUploaded(linked)) return { path: linked.path, source: "target" };
  const own = observation.nodes.find((node) => usableNode(node) && !isUploaded(node));
  if (given === undefined && own !== undefined && linked === undefined) return { path: own.path, source: "target" };
  const file = await targetNode(architecture, given, progress);
  const path = `${layout.nodes}/${file.id}/bin/node`;
  const there = linked?.path === path && usableNode(linked);
  return { path, source: "uploaded", ...(there ? {} : { upload: file }) };
}

/** Uploads a Node and unpacks it into its own folder. */
export async function uploadNode(shell: Shell, node: NodeFile, progress: (line: string) => void): Promise<void> {
  const folder = `${layout.nodes}/${node.id}`;
  const archive = `${folder}.upload`;
  const started = Date.now();
  await upload(shell, { ...node, path: archive, mode: "600", open: () => createReadStream(node.path, { highWaterMark: 1 << 18 }) });
  const uploaded = Date.now();
  const unpack =
    node.form === "binary"
      ? `mv ${archive} ${folder}.part/bin/node`
      : `tar -xzf ${archive} -C ${folder}.part/bin --strip-components=2 --no-same-owner --wildcards '*/bin/node'`;
  await mustRun(
    shell,
    `unpacking ${node.called}`,
    [
      "set -e; umask 022",
      `rm -rf ${folder}.part ${folder}; mkdir -p ${folder}.part/bin`,
      unpack,
      `chown root:root ${folder}.part/bin/node; chmod 755 ${folder}.part/bin/node`,
      `${folder}.part/bin/node -p process.versions.node >/dev/null`,
      `mv ${folder}.part ${folder}; rm -f ${archive}`,
    ].join("\n"),
  );
  progress(`${node.called}: ${megabytes(node.size)} uploaded in ${seconds(uploaded - started)}, unpacked in ${seconds(Date.now() - uploaded)}`);
}

/** Uploads the bundle and koffi's native half where they are missing or differ. Returns whether anything was uploaded. */
export async function uploadBundle(shell: Shell, observation: Observation, bundle: AgentBundle, koffi: LocalFile, { progress }: DeployRequest, changes: Changes): Promise<boolean> {
  const folder = bundleFolder(bundle.id);
  const files = [
    { file: bundle, path: `${folder}/pxe-agent.cjs`, called: `the agent ${bundle.version} (bundle ${bundle.id})` },
    { file: koffi, path: `${folder}/koffi.node`, called: "koffi.node" },
  ].filter(({ file, path }) => !hasFile(observation, path, file.sha256));
  for (const { file, path, called } of files) {
    const started = Date.now();
    changes.begin();
    await upload(shell, { ...file, path, mode: "644", called, open: () => createReadStream(file.path) });
    progress(`${called}: ${megabytes(file.size)} uploaded in ${seconds(Date.now() - started)}`);
  }
  return files.length > 0;
}

/** What Node says its version is, on the target. */
export async function nodeVersionAt(shell: Shell, path: string): Promise<string> {
  return (await mustRun(shell, "asking Node for its version", `${quote(path)} -p process.versions.node`)).trim();
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
