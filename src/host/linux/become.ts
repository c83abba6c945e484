import { constants } from "node:os";
import { ERRNO, Errno, errnoName } from "../../core/base/errno.ts";
import { utf8 } from "../../core/base/text.ts";
import { addressOf, errnoNow, libcExecve, libcFcntl, libcSetrlimit, libcSignal } from "./ffi/libc.ts";

const F_SETFD = 2;
const SIG_DFL = 0;
const RLIMIT_NOFILE = 7;
const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** What a process had before Node changed it, as `bin/lyonnais` has written it down; absent, the usual. */
export interface Inherited {
  readonly fds: readonly number[];
  readonly softOpenFiles: bigint | undefined;
  readonly ignores: (signal: number) => boolean;
}

/** Takes the notes out of the environment: the command is not to find them. */
export function takeInherited(): Inherited {
  const take = (name: string): string | undefined => {
    const value = process.env[name];
    delete process.env[name];
    return value || undefined;
  };
  const fds = take("LYONNAIS_FDS");
  const openFiles = take("LYONNAIS_NOFILE");
  const ignored = BigInt(`0x${take("LYONNAIS_SIGIGN") ?? "0"}`);
  return {
    fds: fds?.trim().split(" ").map(Number) ?? [0, 1, 2],
    softOpenFiles: openFiles === undefined ? undefined : openFiles === "unlimited" ? UNLIMITED : BigInt(openFiles),
    ignores: (signal) => ((ignored >> BigInt(signal - 1)) & 1n) === 1n,
  };
}

/** Strings as C has them: an array of pointers with a null pointer behind. The buffers must outlive its use. */
function pointers(strings: readonly string[]): { readonly array: Uint8Array; readonly buffers: readonly Uint8Array[] } {
  const buffers = strings.map((text) => utf8(`${text}\0`));
  const array = Buffer.alloc(8 * (buffers.length + 1));
  for (const [i, buffer] of buffers.entries()) array.writeBigUInt64LE(BigInt(addressOf(buffer)), 8 * i);
  return { array, buffers };
}

/** Gives back what Node has changed and becomes the program at `path`. Returns only to throw: ENOENT, EACCES, ENOEXEC. */
export function become(path: string, argv: readonly string[], inherited: Inherited, hardOpenFiles: bigint): never {
  for (const fd of inherited.fds) libcFcntl(fd, F_SETFD, 0);
  for (const signal of [constants.signals.SIGPIPE, constants.signals.SIGXFSZ]) {
    if (!inherited.ignores(signal)) libcSignal(signal, SIG_DFL);
  }
  if (inherited.softOpenFiles !== undefined) {
    const limit = Buffer.alloc(16);
    limit.writeBigUInt64LE(inherited.softOpenFiles, 0);
    limit.writeBigUInt64LE(hardOpenFiles, 8);
    libcSetrlimit(RLIMIT_NOFILE, limit);
  }
  const args = pointers(argv);
  const env = pointers(Object.entries(process.env).map(([name, value]) => `${name}=${value}`));
  libcExecve(path, args.array, env.array);
  const code = errnoName(errnoNow());
  throw new Errno(code, code === errnoName(ERRNO.ENOEXEC) ? `${path} is no program of this machine` : path);
}
