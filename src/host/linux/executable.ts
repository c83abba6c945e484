import { AT_EMPTY_PATH, AT_STATX_DONT_SYNC, O_CLOEXEC, O_NONBLOCK, O_PATH, O_RDONLY } from "../../core/abi/fcntl.ts";
import { STATX_DEV_MAJOR, STATX_DEV_MINOR, STATX_MASK_INO, STATX_SIZE } from "../../core/abi/statx.ts";
import { Errno } from "../../core/base/errno.ts";
import type { Executable, Executables, Process } from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { isLocal } from "./backing.ts";
import type { CallerIdentity } from "./caller-identity.ts";
import { check } from "./ffi/call.ts";
import { libcClose, libcOpenat, libcPread, libcStatx } from "./ffi/libc.ts";
import type { LiveProcess } from "./live-process.ts";

const statx = Buffer.alloc(STATX_SIZE);

/** Executables through `/proc/PID/exe`, opened as the caller: the ptrace check for the link, then the file's own bits. */
export class LiveExecutables implements Executables {
  readonly #identity: CallerIdentity;

  constructor(identity: CallerIdentity) {
    this.#identity = identity;
  }

  open(process: Process, caller: Caller): Executable {
    const { pid } = process;
    const dirfd = (process as LiveProcess).dirfd();
    const what = `executable of process ${pid}`;
    return this.#identity.as(caller, () => {
      refuseForeign(check(libcOpenat(dirfd, "exe", O_PATH | O_CLOEXEC, 0), what), what);
      const fd = check(libcOpenat(dirfd, "exe", O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0), what);
      return {
        read: (offset, into) => check(libcPread(fd, into, into.length, offset), what),
        close: () => void libcClose(fd),
      };
    });
  }
}

/** A file that another program or another machine serves could hold us for ever. Takes the descriptor. */
function refuseForeign(fd: number, what: string): void {
  try {
    check(libcStatx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MASK_INO, statx), what);
  } finally {
    libcClose(fd);
  }
  if (isLocal(statx.readUInt32LE(STATX_DEV_MAJOR), statx.readUInt32LE(STATX_DEV_MINOR))) return;
  throw new Errno("EOPNOTSUPP", `the ${what} is on a file system that another program or machine serves`);
}
