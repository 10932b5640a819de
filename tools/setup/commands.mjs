import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The first executable file called `name` on `path`, or undefined. */
export function which(name, path = process.env.PATH ?? "") {
  const names = process.platform === "win32" ? [`${name}.cmd`, `${name}.exe`, name] : [name];
  for (const folder of path.split(delimiter)) {
    if (folder === "") continue;
    for (const file of names.map((each) => join(folder, each))) if (isExecutable(file)) return file;
  }
  return undefined;
}

export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Runs a command to its end, its output captured. Never throws: a command that can't be started has `code` 127. */
export function capture(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    const chunks = { out: [], all: [] };
    child.stdout.on("data", (chunk) => {
      chunks.out.push(chunk);
      chunks.all.push(chunk);
    });
    child.stderr.on("data", (chunk) => chunks.all.push(chunk));
    const text = (which) => Buffer.concat(chunks[which]).toString("utf8").trim();
    child.on("error", (error) => resolve({ code: 127, out: "", all: error.message }));
    child.on("close", (code, signal) => resolve({ code: signal === null ? code : 128, out: text("out"), all: text("all") }));
  });
}

/** As `capture`, but a failure throws an Error whose message ends with the command's first and last lines. */
export async function must(command, args, options = {}) {
  const result = await capture(command, args, options);
  if (result.code !== 0) {
    throw new Error(`\`${[command, ...args].join(" ")}\` failed (exit code ${result.code}):\n${excerpt(result.all)}`);
  }
  return result.out;
}

function excerpt(text) {
  const lines = text.split("\n").map((line) => `     ${line}`);
  return (lines.length <= 20 ? lines : [...lines.slice(0, 8), "     …", ...lines.slice(-12)]).join("\n");
}

/** Whether dotted version `a` is at least `b`; a leading letter and a pre-release part don't count. */
export function atLeast(a, b) {
  const parts = (text) => (/\d+(\.\d+)*/.exec(text)?.[0] ?? "0").split(".").map(Number);
  const [left, right] = [parts(a), parts(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
