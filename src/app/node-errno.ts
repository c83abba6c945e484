import { ERRNO, Errno, type ErrnoName } from "../core/base/errno.ts";

/** What Node's file functions throw, as an Errno. */
export function nodeErrno(error: unknown): Errno {
  if (error instanceof Errno) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const name = code !== undefined && code in ERRNO ? (code as ErrnoName) : code === "ENOTSUP" ? "EOPNOTSUPP" : "EIO";
  return new Errno(name, message.replace(/^[A-Z]+: /, ""), error);
}
