/** Loaded into an agent before it begins, with `--expose-gc`: what is garbage must not be taken for leases. */
process.on("SIGUSR2", () => {
  const collect = (globalThis as { readonly gc?: () => void }).gc;
  // Twice: what the first one finalizes the second one frees.
  collect?.();
  collect?.();
});
