import { closeSync } from "node:fs";
import { check } from "../host/linux/ffi/call.ts";
import { libcDup2 } from "../host/linux/ffi/libc.ts";
import { openLog } from "./private-file.ts";

const STDERR = 2;

/** From now on what this process says on standard error goes to {@link openLog}. */
export function redirectErrorsTo(file: string): void {
  const log = openLog(file);
  check(libcDup2(log, STDERR), "standard error");
  closeSync(log);
}
