import { FUSE_POLL_SCHEDULE_NOTIFY, POLL_OUT_SIZE } from "../../abi/fuse.ts";
import { POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import type { PollState } from "../../vfs/node.ts";
import { chainOutcome, type Outcome } from "../../vfs/parked.ts";
import type { FuseState } from "./ops.ts";
import type { FuseReply } from "./reply.ts";
import type { FuseRequest } from "./request.ts";

/** The bits of poll(2). */
function bitsOf({ readable, writable, urgent, hungUp }: PollState): number {
  return (
    (readable ? POLLIN | POLLRDNORM : 0) |
    (writable ? POLLOUT | POLLWRNORM : 0) |
    (urgent ? POLLPRI : 0) |
    (hungUp ? POLLHUP : 0)
  );
}

/** Where nobody has anything to say of it, a file can be read and written. */
const ALWAYS_READY: PollState = { readable: true, writable: true };

/** What poll(2) says of an open file now; the kernel may want to be told when that changes. */
export function poll(state: FuseState, request: FuseRequest, reply: FuseReply): Outcome<number> {
  const { caller } = request;
  const fh = request.u64(0);
  const kh = request.u64(8);
  const wake =
    (request.u32(16) & FUSE_POLL_SCHEDULE_NOTIFY) === 0
      ? undefined
      : (): void => {
          state.files.notePoll(fh, 0);
          state.wake(kh);
        };
  return chainOutcome(state.files.file(fh), ({ handle }) => {
    if (wake && handle.poll) state.files.notePoll(fh, kh);
    reply.u32(0, bitsOf(handle.poll?.(caller, wake) ?? ALWAYS_READY));
    reply.u32(4, 0);
    return POLL_OUT_SIZE;
  });
}
