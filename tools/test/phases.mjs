import { join, relative, sep } from "node:path";
import { filesUnder } from "../build/files.mjs";
import { root } from "../setup.mjs";

const minutes = 60_000;

/**
 * The phases of `npm test`, in stages; the phases of one stage run side by side. `folder`: where the phase's tests are; the phase
 * without one takes all other folders. `timeout`: for one file. `files`: how many run at once.
 */
export const stages = [
  [{ name: "lint", lint: true }],
  [{ name: "unit", timeout: 2 * minutes, files: 2 }],
  // Real sockets and foreign programs in network namespaces.
  [{ name: "net", folder: "test/net", needsRoot: true, timeout: 5 * minutes, files: 2 }],
  // The package as users get it, from `npm pack`.
  [{ name: "pack", folder: "test/pack", needsPulumi: true, timeout: 10 * minutes, files: 1 }],
  [
    // Most of a command is one process after another: two files at once take little longer than one.
    { name: "provider", folder: "test/provider", needsRoot: true, needsPulumi: true, timeout: 15 * minutes, files: 2 },
    { name: "lab", folder: "test/lab", needsRoot: true, needsPulumi: true, timeout: 30 * minutes, files: 1 },
  ],
];

/**
 * The stages cut down to what is wanted (everything, where nothing is named), each phase with its `tests`, as paths. From the
 * sources, or compiled. A phase whose folder doesn't exist is left out; one that is there without a test isn't.
 */
export function choose(allStages, wanted, form, base = root) {
  const folders = allStages.flat().flatMap(({ folder }) => folder ?? []);
  const paths = wanted.filter((each) => !allStages.flat().some(({ name }) => name === each)).map((path) => path.replace(/\/$/, "").replace(/\.ts$/, ""));
  const cut = (phase) => {
    const whole = wanted.length === 0 || wanted.includes(phase.name);
    if (phase.lint) return whole ? [{ ...phase, tests: [] }] : [];
    const tests = testsIn(base, phase.folder ?? "test", form).filter((test) => phase.folder !== undefined || !folders.some((folder) => test.startsWith(`${folder}/`)));
    const chosen = whole ? tests : tests.filter((test) => paths.some((path) => test === `${path}.ts` || test === `${path}.test.ts` || test.startsWith(`${path}/`)));
    const exists = filesUnder(join(base, phase.folder ?? "test")).length > 0;
    return chosen.length > 0 || (whole && exists) ? [{ ...phase, tests: chosen }] : [];
  };
  return allStages.map((stage) => stage.flatMap(cut)).filter((stage) => stage.length > 0);
}

/** Test files by the names of their sources: `test/wire/tftp/message.test.ts`. */
function testsIn(base, folder, form) {
  const [top, extension] = form === "compiled" ? [join(base, "dist"), ".js"] : [base, ".ts"];
  return filesUnder(join(top, folder))
    .filter((file) => file.endsWith(`.test${extension}`))
    .map((file) => relative(top, file).split(sep).join("/").replace(/\.js$/, ".ts"));
}
