/**
 * Loaded into every test process: ends one that is still alive at its file's time limit, which --test-timeout doesn't, as that
 * only fails a test and then waits for what it left open. First by SIGTERM, so that a lab in it can clean up.
 */
const limit = Number(process.env.PXE_TEST_FILE_TIMEOUT);
const isTestFile = process.env.NODE_TEST_CONTEXT !== undefined;

if (isTestFile && limit > 0) {
  // Programs that the test starts aren't test files.
  delete process.env.PXE_TEST_FILE_TIMEOUT;
  setTimeout(() => {
    const open = [...new Set(process.getActiveResourcesInfo())].join(", ");
    console.error(`${process.argv[1]}: still running after ${limit / 1000} s; open: ${open}`);
    setTimeout(() => process.exit(1), 10_000);
    process.kill(process.pid, "SIGTERM");
  }, limit).unref();
}
