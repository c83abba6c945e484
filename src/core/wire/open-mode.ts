import { O_ACCMODE, O_EXCL, O_NONBLOCK, O_RDONLY, O_WRONLY } from "../abi/fcntl.ts";
import type { OpenMode } from "../vfs/node.ts";

/** What the flags of open(2) ask for, as a request carries them. */
export function openMode(flags: number): OpenMode {
  const access = flags & O_ACCMODE;
  return {
    read: access !== O_WRONLY,
    write: access !== O_RDONLY,
    exclusive: (flags & O_EXCL) !== 0,
    ...((flags & O_NONBLOCK) !== 0 && { nonBlocking: true }),
  };
}
