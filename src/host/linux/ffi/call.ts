import { Errno, errnoName } from "../../../core/base/errno.ts";
import { errnoNow } from "./libc.ts";

/** The current errno as an {@link Errno}; `what` names the call and its object. */
export function lastErrno(what: string): Errno {
  return new Errno(errnoName(errnoNow()), what);
}

/** Passes a C result through; -1 throws the errno it stands for. */
export function check(result: number, what: string): number {
  if (result === -1) throw lastErrno(what);
  return result;
}
