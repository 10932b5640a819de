import { createHash } from "node:crypto";
import * as z from "zod";
import { throwFindings, type Finding } from "../errors";
import { answerFormats, assetSpec, profileSpec, type AssetSpec, type ProfileSpec } from "../model/documents";
import { assetInput, type AssetInput, type AssetLibrary, type PlannedAsset, type ReadyAsset } from "./assets";
import type { Connections } from "./connections";
import { nameOf, text, type Plain, type ResourceDefinition } from "./definition";
import { checkedSpec, identify, userInputs } from "./identity";
import { findBiosLoader, type LoaderInput } from "./loaders";
import { awaitFiles, listFiles, mapFiles, type ProfileFiles } from "./profile-files";
import { givenIn, seenDocument } from "./observation";
import { missingFiles, observedProfile } from "./profile-observation";
import { documentOf, observeDocument, placeDocument, removeDocument, residenceAfter } from "./residence";
import { sendAssets } from "./send-assets";
import type { DocumentTable } from "./table";
import { hasUnknown, isUnknown, showUnknown } from "./unknown";
import { validateKnown, type Checked } from "./validate";

/** What a program says of a profile. */
const profileInputs = z.strictObject({
  distro: profileSpec.shape.distro.extend({ repository: z.string().regex(/^\S+$/, { error: "is not a URL" }).optional() }),
  architecture: profileSpec.shape.architecture,
  kernel: assetInput,
  initrd: z.array(assetInput).min(1, { error: "names no initrd" }),
  loader: z.strictObject({ bios: z.strictObject({ program: assetInput, modules: z.array(assetInput).default([]) }).optional() }).default({}),
  kernelArgs: z.string().max(2048).regex(/^[^\x00-\x1f\x7f]*$/, { error: "contains a line break or control character" }).default(""),
  answer: z
    .strictObject({ format: z.enum(answerFormats), template: z.string().max(1024 * 1024), vars: z.record(z.string(), z.unknown()).default({}) })
    .optional(),
});
type ProfileInputs = z.output<typeof profileInputs>;

/** BootProfile: how machines are installed. */
export function profileResource(connections: Connections, table: DocumentTable, library: AssetLibrary): ResourceDefinition {
  return {
    label: (inputs) => `profile/${nameOf(inputs)}`,
    check(inputs, olds) {
      const identity = identify("profile", inputs);
      const asked = inputsOf(inputs, identity.label);
      const planned = asked.value === undefined ? { files: undefined, findings: [] } : plan(asked.value, library, identity.label);
      const findings = [...identity.findings, ...table.meet(text(inputs, "server"), identity, olds), ...asked.findings, ...planned.findings];
      const { files } = planned;
      if (asked.value === undefined || files === undefined) {
        table.postpone(text(inputs, "server"), identity.label);
        return { inputs, findings };
      }
      const { distro, kernelArgs, answer } = asked.value;
      table.register(text(inputs, "server"), identity.self, {
        document: documentOf("profile", identity, specOf(asked.value, mapFiles(files, standIn))),
        extra: { repository: distro.repository, kernel: files.kernel, initrd: files.initrd, kernelArgs, answer, partial: hasUnknown(inputs["answer"]) },
      });
      return { inputs: { ...inputs, files }, findings };
    },
    replaces: () => [],
    async ensure(inputs, outputs) {
      const label = `profile/${nameOf(inputs)}`;
      const asked = checkedSpec(inputsOf(inputs, label));
      const { files, findings } = sources(asked, label);
      throwFindings(findings);
      if (files === undefined) throw new TypeError("no files and no findings");
      const recorded = recordedDownloads(outputs);
      const ready = await awaitFiles(mapFiles(files, (file) => library.ready(file, recordedFor(recorded, file))));
      const at = residenceAfter(inputs, outputs);
      const sent = await sendAssets(connections, at, listFiles(ready), library);
      const bySource = new Map(sent.map((item) => [item.source, item]));
      const final = mapFiles(files, (file): AssetSpec => (bySource.get(file) ?? ready.kernel).spec);
      const left = await placeDocument(connections, documentOf("profile", at, specOf(asked, final)), inputs, outputs);
      return { ...left.outputs, ...userInputs(inputs, ["files"]), downloads: downloadsOf(sent) };
    },
    async observe(outputs) {
      const seen = await observeDocument(connections, "profile", outputs);
      const spec = seen.stored?.kind === "profile" ? seen.stored.spec : undefined;
      const lacking = spec === undefined ? [] : await missingFiles(connections, outputs, spec);
      return seenDocument("profile", outputs, seen, {
        inputs: () => (spec === undefined ? {} : observedIn(spec, outputs)),
        beside: lacking.length === 0 ? undefined : lacking.map((name) => `the file ${name} is missing on the agent`).join("; "),
      });
    },
    remove: (outputs) => removeDocument(connections, "profile", outputs),
  };
}

/** Text that is unknown in a preview is made readable; anything else unknown leaves no value. */
function inputsOf(inputs: Plain, label: string): Checked<ProfileInputs> {
  const raw = userInputs(inputs, ["files"]);
  const { answer, kernelArgs, distro } = raw;
  const readable = { ...raw, kernelArgs: showUnknown(kernelArgs), distro: isUnknown(distro) ? distro : showUnknown(distro), answer: isUnknown(answer) ? answer : showUnknown(answer) };
  const defined = Object.fromEntries(Object.entries(readable).filter(([, value]) => value !== undefined));
  const checked = validateKnown(profileInputs, defined, label);
  return isUnknown(answer) ? { ...checked, value: undefined } : checked;
}

/** Where each file comes from; the loader from this machine's packages unless it is given. */
function sources(asked: ProfileInputs, label: string): { files: ProfileFiles<AssetInput> | undefined; findings: Finding[] } {
  const bios: LoaderInput | Finding = asked.loader.bios ?? findBiosLoader(label);
  if (!("program" in bios)) return { files: undefined, findings: [bios] };
  return { files: { kernel: asked.kernel, initrd: asked.initrd, bios }, findings: [] };
}

function plan(asked: ProfileInputs, library: AssetLibrary, label: string): { files: ProfileFiles<PlannedAsset> | undefined; findings: Finding[] } {
  const { files, findings } = sources(asked, label);
  if (files === undefined) return { files, findings };
  const planned = mapFiles(files, (file, property) => library.plan(file, label, property));
  const all = listFiles(planned).flatMap((item) => item.findings);
  return { files: mapFiles(planned, (item) => item.asset), findings: all };
}

/** In the table only: rules look at which files there are, not at their sums. */
function standIn(asset: PlannedAsset): AssetSpec {
  return { sha256: "0".repeat(64), size: 0, ...asset };
}

function specOf(asked: ProfileInputs, files: ProfileFiles<AssetSpec>): ProfileSpec {
  const { family, release } = asked.distro;
  const { kernel, initrd, bios } = files;
  return {
    distro: { family, release }, architecture: asked.architecture, kernel, initrd: [...initrd],
    loaders: { bios: { program: bios.program, modules: [...bios.modules] } },
  };
}

function observedIn(spec: ProfileSpec, outputs: Plain): Plain | undefined {
  const given = givenIn(outputs, Object.keys(profileInputs.shape));
  if (given === undefined) return undefined;
  const recorded = recordedDownloads(outputs);
  return observedProfile(spec, given, checkedSpec(inputsOf(given, "")), (file) => recordedFor(recorded, file));
}

const recordedSchema = z.record(z.string(), assetSpec);

/** What each URL gave last time, by the URL's SHA-256 sum: a URL may hold a password. Older states name the URL itself. */
function recordedDownloads(outputs: Plain | undefined): Readonly<Record<string, AssetSpec>> {
  const recorded = recordedSchema.safeParse(outputs?.["downloads"]);
  return recorded.success ? recorded.data : {};
}

function recordedFor(recorded: Readonly<Record<string, AssetSpec>>, { url }: AssetInput): AssetSpec | undefined {
  return url === undefined ? undefined : (recorded[urlKey(url)] ?? recorded[url]);
}

function urlKey(url: string): string {
  return createHash("sha256").update(url).digest("hex");
}

function downloadsOf(files: readonly ReadyAsset[]): Record<string, AssetSpec> {
  return Object.fromEntries(files.flatMap((file) => (file.source.url === undefined ? [] : [[urlKey(file.source.url), file.spec]])));
}
