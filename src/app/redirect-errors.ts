import { closeSync, openSync } from "node:fs";
import { check } from "../host/linux/ffi/call.ts";
import { libcDup2 } from "../host/linux/ffi/libc.ts";

const STDERR = 2;

/** The descriptor of `file`, to be appended to; what is said to it is lost where it cannot be written. */
export function openLog(file: string): number {
  try {
    return openSync(file, "a", 0o600);
  } catch {
    return openSync("/dev/null", "w");
  }
}

/** From now on what this process says on standard error goes to {@link openLog}. */
export function redirectErrorsTo(file: string): void {
  const log = openLog(file);
  check(libcDup2(log, STDERR), "standard error");
  closeSync(log);
}
