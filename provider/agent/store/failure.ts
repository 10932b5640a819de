import { errorText, pxeError, PxeError, type ErrorCode } from "../../errors";

/** Primary result codes (sqlite.org/rescode.html) that are about the file and not about what was to be written. */
const codes: Readonly<Record<number, ErrorCode>> = {
  3: "PXE_STORE_FAILED", 5: "PXE_STORE_FAILED", 8: "PXE_STORE_FAILED", 10: "PXE_STORE_FAILED", 11: "PXE_STORE_FAILED",
  13: "PXE_DISK_FULL", 14: "PXE_STORE_FAILED", 26: "PXE_STORE_FAILED",
};

/** Codes of the system, from making the folder. */
const systemCodes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: "PXE_DISK_FULL", EDQUOT: "PXE_DISK_FULL", EACCES: "PXE_STORE_FAILED", EPERM: "PXE_STORE_FAILED", EROFS: "PXE_STORE_FAILED",
  ENOTDIR: "PXE_STORE_FAILED", EEXIST: "PXE_STORE_FAILED", EIO: "PXE_STORE_FAILED",
};

/** Primary result codes of a file whose content is damaged, or whose tables are not ours. */
const damaged: readonly number[] = [1, 11, 26];

/** SQLITE_IOERR: reading fails where the disk does. */
const unreadable = 10;

/** Whether what is read is damaged: another try would read the same. */
export function isDamage(error: unknown): boolean {
  const cause = error instanceof PxeError ? error.cause : error;
  if (cause instanceof DamagedDatabase) return true;
  const code = resultCode(cause);
  return code !== undefined && (damaged.includes(code & 0xff) || code === unreadable || readErrors.includes(code));
}

/** SQLITE_IOERR_READ, SQLITE_IOERR_SHORT_READ, SQLITE_IOERR_CORRUPTFS. */
const readErrors: readonly number[] = [266, 522, 8458];

/** What `PRAGMA quick_check` says of a file that can be opened. */
export class DamagedDatabase extends Error {
  override readonly name = "DamagedDatabase";
  readonly errcode = 11;
}

/** SQLITE_FULL, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_SHMOPEN, SQLITE_IOERR_WRITE, SQLITE_CANTOPEN. */
const fullCodes: readonly number[] = [13, 4874, 4618, 778, 14];

/** Whether there may be no room for what SQLite keeps beside a database. */
export function isFull(error: unknown): boolean {
  const code = resultCode(error);
  return code !== undefined && fullCodes.includes(code);
}

function resultCode(error: unknown): number | undefined {
  return typeof error === "object" && error !== null && "errcode" in error && typeof error.errcode === "number" ? error.errcode : undefined;
}

/** The error that says what is wrong with the database file; undefined when the cause is another. */
export function storeFailure(error: unknown, path: string): PxeError | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const code =
    "errcode" in error && typeof error.errcode === "number" ? codes[error.errcode & 0xff]
    : "code" in error && typeof error.code === "string" ? systemCodes[error.code]
    : undefined;
  return code === undefined ? undefined : pxeError(code, `the database ${path} can't be used: ${errorText(error)}`, { cause: error });
}

/** Whether a commit failed for its disk or file: later it may succeed. */
export function isStoreFailure(error: unknown): error is PxeError {
  return error instanceof PxeError && (error.code === "PXE_DISK_FULL" || error.code === "PXE_STORE_FAILED");
}
