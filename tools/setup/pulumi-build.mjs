import { tmpdir } from "node:os";
import { join } from "node:path";
import { atLeast, capture, must, which } from "./commands.mjs";
import { goMinimum, pulumiPinned } from "./pinned.mjs";
import { Missing } from "./report.mjs";

/** The two programs, each from a Go module of its own (tools/pulumi): the newest module that holds the language host is older. */
const programs = [
  { name: "pulumi", module: "cli", source: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", version: pulumiPinned.version },
  {
    name: "pulumi-language-nodejs",
    module: "language-nodejs",
    source: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
    version: pulumiPinned.languageHost,
  },
];

/** `{ path, version }` of a Go that can build them, else `{ problem }`. */
export async function findGo(env) {
  const path = which("go", env.PATH);
  if (path === undefined) return { problem: "there is no go on PATH" };
  // Outside the modules and with the local toolchain: their `go` line could otherwise make it download another.
  const { code, out } = await capture(path, ["env", "GOVERSION"], { cwd: tmpdir(), env: { ...env, GOTOOLCHAIN: "local" } });
  if (code !== 0) return { problem: `${path} doesn't run` };
  if (!atLeast(out, goMinimum)) return { problem: `${path} is ${out}` };
  return { path, version: out };
}

/** Builds both programs into `folder`. The user's GOPROXY, GOFLAGS and the like count; a go.work around the tree doesn't. */
export async function buildPulumi(root, folder, go, env) {
  for (const { name, module, source, version } of programs) {
    // An empty version breaks the check of Pulumi's Automation API.
    const stamp = `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${version}`;
    const args = ["build", "-trimpath", "-buildvcs=false", "-ldflags", stamp, "-o", join(folder, name), source];
    try {
      await must(go, args, { cwd: join(root, "tools", "pulumi", module), env: { ...env, GOWORK: "off" } });
    } catch (error) {
      throw new Missing(`The Pulumi CLI could not be built: ${error.message}`, "Make the Go module proxy reachable, install the Pulumi CLI, or name it in PXE_PULUMI.");
    }
  }
}
