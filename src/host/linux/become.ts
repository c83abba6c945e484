import { constants } from "node:os";
import { F_SETFD } from "../../core/abi/fcntl.ts";
import { ERRNO, Errno, errnoName } from "../../core/base/errno.ts";
import { fromUtf8, utf8 } from "../../core/base/text.ts";
import { addressOf, errnoNow, libcExecve, libcFcntl, libcSetrlimit, libcSignal, libcSigprocmask } from "./ffi/libc.ts";
import { hasSignal, type Inherited } from "./inherited.ts";

const SIG_DFL = 0;
const SIG_IGN = 1;
const SIG_SETMASK = 2;
const SIGNALS = 64;
/** sigset_t of C; the kernel's is its beginning. */
const SIGSET_SIZE = 128;
const RLIMIT_NOFILE = 7;
const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;
const SHELL: Uint8Array = utf8("/bin/sh");
const { SIGCHLD, SIGPIPE, SIGXFSZ } = constants.signals;

/** Strings as C has them: pointers with a null pointer behind, then what they point to. */
function vector(strings: readonly Uint8Array[]): Buffer {
  const table = 8 * (strings.length + 1);
  const block = Buffer.alloc(strings.reduce((size, { length }) => size + length + 1, table));
  const start = addressOf(block);
  let at = table;
  for (const [i, text] of strings.entries()) {
    block.writeBigUInt64LE(BigInt(start + at), 8 * i);
    block.set(text, at);
    at += text.length + 1;
  }
  return block;
}

/** Ignores from now on the signals that the command will ignore, except SIGCHLD, by which Node learns of its children. */
export function ignoreEarly({ ignored }: Inherited): void {
  for (let signal = 1; signal <= SIGNALS; signal++) {
    if (signal !== SIGCHLD && hasSignal(ignored, signal)) libcSignal(signal, SIG_IGN);
  }
}

function restoreSignals({ ignored, blocked }: Inherited): void {
  if (hasSignal(ignored, SIGCHLD)) libcSignal(SIGCHLD, SIG_IGN);
  // Node's own doing.
  for (const signal of [SIGPIPE, SIGXFSZ]) if (!hasSignal(ignored, signal)) libcSignal(signal, SIG_DFL);
  const mask = Buffer.alloc(SIGSET_SIZE);
  mask.writeBigUInt64LE(blocked);
  libcSigprocmask(SIG_SETMASK, mask, null);
}

/** execve(2); sh(1) runs what is no program, as execvp(3) has it. Returns only when that fails. */
function execute(path: Uint8Array, argv: readonly Uint8Array[], environment: Uint8Array): void {
  libcExecve(Buffer.concat([path, Buffer.alloc(1)]), vector(argv), environment);
  if (errnoNow() === ERRNO.ENOEXEC && path !== SHELL) execute(SHELL, [SHELL, path, ...argv.slice(1)], environment);
}

const toRlim = (limit: number): bigint => (limit === Number.POSITIVE_INFINITY ? RLIM_INFINITY : BigInt(limit));

/** Gives back what Node has changed and becomes the program at `path`. Returns only to throw: ENOENT, EACCES, E2BIG. */
export function become(
  path: Uint8Array,
  argv: readonly Uint8Array[],
  inherited: Inherited,
  hardOpenFiles: number,
): never {
  for (const fd of inherited.fds) libcFcntl(fd, F_SETFD, 0);
  if (inherited.softOpenFiles !== undefined) {
    const limit = Buffer.alloc(16);
    limit.writeBigUInt64LE(toRlim(inherited.softOpenFiles), 0);
    limit.writeBigUInt64LE(toRlim(hardOpenFiles), 8);
    libcSetrlimit(RLIMIT_NOFILE, limit);
  }
  restoreSignals(inherited);
  execute(path, argv, vector(inherited.environment));
  throw new Errno(errnoName(errnoNow()), fromUtf8(path));
}
