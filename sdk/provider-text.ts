/** The resources of this package, by the name under which `provider/index.ts` exports what runs them. */
export type ProviderName = "server" | "subnet" | "profile" | "host" | "group" | "wait";

/**
 * The text that Pulumi keeps as `__provider` in the state of every resource, and runs later against whatever version of this
 * package is installed then. So it is a constant: it finds the package beside the program and hands over, nothing else. It
 * never changes without a snapshot test saying so, because old state files go on running the old text.
 *
 * A resolution error other than "not found" (a broken package.json, say) and any error while loading pass through unchanged.
 */
export function providerText(name: ProviderName): string {
  return (
    `exports.handler=()=>{for(const d of[process.env.PULUMI_PXE_ROOT,process.cwd()])if(d){` +
    `const r=require("module").createRequire(d+"/_");let p;` +
    `try{p=r.resolve("pulumi-pxe/provider")}catch(e){if(e.code!=="MODULE_NOT_FOUND")throw e;continue}` +
    `return r(p).${name}}` +
    `throw Error("pulumi-pxe is not installed beside the program: run \`npm install pulumi-pxe\` there, or set PULUMI_PXE_ROOT")}`
  );
}
