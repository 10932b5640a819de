/** Waits until a condition holds, looking again and again. */
export async function eventually(holds: () => Promise<boolean>, what: () => string, limit = 30_000): Promise<void> {
  const end = Date.now() + limit;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${String(limit / 1000)} s: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
