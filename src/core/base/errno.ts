/**
 * Linux error numbers, asm-generic/errno-base.h and asm-generic/errno.h. The names used anywhere in this project.
 */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  ENOTBLK: 15,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EPROTO: 71,
  EOVERFLOW: 75,
  ENOTSOCK: 88,
  EMSGSIZE: 90,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  ENETUNREACH: 101,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOTCONN: 107,
  ETOOMANYREFS: 109,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EALREADY: 114,
  ESTALE: 116,
  EDQUOT: 122,
} as const;

export type ErrnoName = keyof typeof ERRNO;

const NAMES = new Map<number, ErrnoName>(Object.entries(ERRNO).map(([name, number]) => [number, name as ErrnoName]));

/** The name of a Linux error number; numbers outside {@link ERRNO} become EIO. */
export function errnoName(number: number): ErrnoName {
  return NAMES.get(number) ?? "EIO";
}

/**
 * The only error that crosses a port or a transport. `reason` is one line for a person; the message starts with the name.
 */
export class Errno extends Error {
  override readonly name = "Errno";
  readonly code: ErrnoName;
  readonly errno: number;
  readonly reason: string;

  constructor(code: ErrnoName, reason: string, cause?: unknown) {
    super(`${code}: ${reason}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.errno = ERRNO[code];
    this.reason = reason;
  }
}

/** A defect of this program as EIO, for the one who asked. Its `cause` is the original error, for the log of the server. */
export class Bug extends Errno {
  constructor(cause: unknown) {
    super("EIO", "an error of the server's own; its log says more", cause);
  }
}

/** What is caught where an {@link Errno} alone is expected: what is none is a {@link Bug}. */
export function toErrno(error: unknown): Errno {
  return error instanceof Errno ? error : new Bug(error);
}

/** True when `error` is an {@link Errno}, of one of `codes` where any are given. */
export function isErrno(error: unknown, ...codes: readonly ErrnoName[]): error is Errno {
  return error instanceof Errno && (codes.length === 0 || codes.includes(error.code));
}
