import { O_NONBLOCK } from "../../abi/fcntl.ts";
import { FUSE_READ_LOCKOWNER, MAX_TRANSFER, WRITE_OUT_SIZE } from "../../abi/fuse.ts";
import { copyOf } from "../../base/bytes.ts";
import { Errno } from "../../base/errno.ts";
import type { Caller } from "../../vfs/caller.ts";
import { chainOutcome, mapOutcome, type Outcome, Parked } from "../../vfs/parked.ts";
import type { OpenFile } from "./open-files.ts";
import type { FuseState } from "./ops.ts";
import type { FuseReply } from "./reply.ts";
import type { FuseRequest } from "./request.ts";

export function read(state: FuseState, request: FuseRequest, reply: FuseReply): Outcome<number> {
  // Pages of our files must never enter anybody's address space: a daemon that reads such memory would wait for itself.
  if ((request.u32(20) & FUSE_READ_LOCKOWNER) === 0)
    throw new Errno("EINVAL", "no reading through the page cache, which is what mmap, splice and sendfile do");
  const { caller } = request;
  const offset = request.u64(8);
  const into = reply.body(Math.min(request.u32(16), MAX_TRANSFER));
  // Of the open file as it is now: fcntl(2) changes it.
  const nonBlocking = (request.u32(32) & O_NONBLOCK) !== 0;
  const act = (file: OpenFile): Outcome<number> => readFile(file, caller, offset, into, nonBlocking);
  return chainOutcome(state.files.file(request.u64(0)), act);
}

function readFile(
  file: OpenFile,
  caller: Caller,
  offset: number,
  into: Uint8Array,
  nonBlocking: boolean,
): Outcome<number> {
  const { handle } = file;
  if (!handle.read) throw new Errno("EOPNOTSUPP", "not for reading");
  if (file.lost !== undefined && offset > 0) {
    if (offset >= file.lost) return 0;
    throw new Errno(
      "ESTALE",
      "what was read so far was rendered by a server that has died; read it from the beginning",
    );
  }
  file.lost = undefined;
  return handle.read(caller, offset, into, nonBlocking);
}

export function write(state: FuseState, request: FuseRequest, reply: FuseReply): Outcome<number> {
  const fh = request.u64(0);
  const file = state.files.file(fh);
  const bytes = request.body(40, request.u32(16));
  const data = file instanceof Parked ? copyOf(bytes) : bytes;
  const { caller, unique, isResent } = request;
  const offset = request.u64(8);
  return chainOutcome(file, ({ handle }) => {
    if (!handle.write) throw new Errno("EOPNOTSUPP", "not for writing");
    state.files.beginWrite(fh, unique, isResent, handle, data);
    return mapOutcome(handle.write(caller, offset, data), (count) => {
      reply.u32(0, count);
      reply.u32(4, 0);
      return WRITE_OUT_SIZE;
    });
  });
}
