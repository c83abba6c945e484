import { closeSync, openSync } from "node:fs";
import { check } from "../host/linux/ffi/call.ts";
import { libcDup2 } from "../host/linux/ffi/libc.ts";

const STDERR = 2;

/** From now on what this process says on standard error is appended to `file`, or lost where that cannot be written. */
export function redirectErrorsTo(file: string): void {
  let log: number;
  try {
    log = openSync(file, "a", 0o600);
  } catch {
    log = openSync("/dev/null", "w");
  }
  check(libcDup2(log, STDERR), "standard error");
  closeSync(log);
}
