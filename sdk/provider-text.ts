/** The resources of this package, by the name under which `provider/index.ts` exports what runs them. */
export type ProviderName = "server" | "subnet" | "profile" | "host" | "group" | "wait";

/**
 * The text that Pulumi keeps as `__provider` in the state of every resource, twice, and runs later against whatever version of
 * this package is installed then. So it is a short constant: it finds the package where PULUMI_PXE_ROOT says, else beside the
 * program, and hands over, nothing else. It never changes without a snapshot test saying so, because old state files go on
 * running the old text.
 *
 * Node's own error says which module is missing and, as "Require stack", from where it was looked for: that line ends with what
 * to do. Single quotes, since each double one counts twice in a state file.
 */
export function providerText(name: ProviderName): string {
  return (
    "exports.handler=()=>{let p=process,c=p.cwd(),d=p.env.PULUMI_PXE_ROOT||c,r=require('module')" +
    `.createRequire(d+'/: npm i pulumi-pxe');return r(r.resolve('pulumi-pxe/provider',{paths:[d,c]})).${name}}`
  );
}
