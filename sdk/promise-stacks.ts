/**
 * Keeps V8 from writing stack traces until the returned function is called. Pulumi makes each property of a resource out of four
 * promises, and each promise notes where it was made, for one that never settles: 15 ms of a program's time for a host, more than
 * all the rest of declaring it. Whoever looks for such a promise says so (PULUMI_DEBUG_PROMISE_LEAKS) and gets them. Where the
 * resource itself was made is told nevertheless: for that Pulumi sets the limit itself.
 */
export function withoutPromiseStacks(): () => void {
  const { stackTraceLimit } = Error;
  if (process.env["PULUMI_DEBUG_PROMISE_LEAKS"] === undefined) Error.stackTraceLimit = 0;
  return () => { Error.stackTraceLimit = stackTraceLimit; };
}
