/** The resources of this package, by the name under which `provider/index.ts` exports what runs them. */
export type ProviderName = "server" | "subnet" | "profile" | "host" | "group" | "wait";

/**
 * The text that Pulumi keeps as `__provider` in the state of every resource, twice, and runs later against whatever version of
 * this package is installed then. So it is a short constant: it finds the package beside the program and hands over, nothing
 * else. It never changes without a snapshot test saying so, because old state files go on running the old text.
 *
 * Any error but "this package is not found" passes through unchanged, a missing module inside the package too.
 */
export function providerText(name: ProviderName): string {
  return (
    `exports.handler=()=>{let p=process,c=p.cwd();for(let d of[p.env.PULUMI_PXE_ROOT||c,c])` +
    `try{return require("module").createRequire(d+"/")("pulumi-pxe/provider").${name}}` +
    `catch(e){if(!/'pulumi-pxe/.test(e))throw e}throw Error("npm i pulumi-pxe in "+c)}`
  );
}
