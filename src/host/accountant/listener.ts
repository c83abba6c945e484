import {
  SECCOMP_IOCTL_NOTIF_ID_VALID,
  SECCOMP_IOCTL_NOTIF_RECV,
  SECCOMP_IOCTL_NOTIF_SEND,
  SECCOMP_IOCTL_NOTIF_SET_FLAGS,
  SECCOMP_NOTIF_RESP_ERROR,
  SECCOMP_NOTIF_RESP_FLAGS,
  SECCOMP_NOTIF_RESP_SIZE,
  SECCOMP_NOTIF_RESP_VAL,
  SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP,
  SECCOMP_USER_NOTIF_FLAG_CONTINUE,
} from "../../core/abi/seccomp.ts";
import { ERRNO } from "../../core/base/errno.ts";
import type { Verdict } from "../../core/notify/accounts.ts";
import type { Job } from "../../core/space/job.ts";
import { check, lastErrno } from "../linux/ffi/call.ts";
import { errnoNow, libcIoctl, libcIoctlNumber } from "../linux/ffi/libc.ts";

/** errno.h. */
const EINPROGRESS = 115;

/** A decision that can be given to the kernel. */
export type Answer = Exclude<Verdict, "wait">;

/** A struct seccomp_notif_resp. The id is written each time it is used. */
interface Response {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

function makeResponse(flags: number): Response {
  const bytes = new Uint8Array(SECCOMP_NOTIF_RESP_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(SECCOMP_NOTIF_RESP_FLAGS, flags, true);
  return { bytes, view };
}

/** Two responses serve all answers, one at a time: `continue`, which nearly all are, and every other one. */
const CONTINUE = makeResponse(SECCOMP_USER_NOTIF_FLAG_CONTINUE);
const OTHER = makeResponse(0);

function respond(answer: Exclude<Answer, "continue">): Response {
  OTHER.view.setBigInt64(SECCOMP_NOTIF_RESP_VAL, "value" in answer ? BigInt(answer.value) : 0n, true);
  OTHER.view.setInt32(SECCOMP_NOTIF_RESP_ERROR, "errno" in answer ? -answer.errno : 0, true);
  return OTHER;
}

/** The receiving end of one filter's notifications. The descriptor belongs to whoever made the object, `CallSources` in the end. */
export class Listener {
  readonly fd: number;
  /** Its number in the journal. */
  readonly number: number;
  /** The job of a process under this filter whose parent is not known. */
  readonly job: Job;
  /** Whether an answer switches the processor to the caller at once (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, Linux 6.6). */
  readonly handsOver: boolean;

  constructor(fd: number, number: number, job: Job) {
    this.fd = fd;
    this.number = number;
    this.job = job;
    this.handsOver = libcIoctlNumber(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) === 0;
  }

  /**
   * Receives the next notification into `into`, a struct seccomp_notif full of zeros. To be called when the descriptor is readable. False:
   * the call has gone. Errno for anything else.
   */
  receive(into: Uint8Array): boolean {
    if (libcIoctl(this.fd, SECCOMP_IOCTL_NOTIF_RECV, into) === 0) return true;
    // ENOENT: the caller was killed, or a signal interrupted the call. EINTR: this thread was interrupted.
    if (errnoNow() === ERRNO.ENOENT || errnoNow() === ERRNO.EINTR) return false;
    throw lastErrno("SECCOMP_IOCTL_NOTIF_RECV");
  }

  /** Whether the call still waits. If so, what was read of its process before was read of the right process. */
  isWaiting(notification: Uint8Array): boolean {
    return libcIoctl(this.fd, SECCOMP_IOCTL_NOTIF_ID_VALID, notification) === 0;
  }

  /** Answers a call. False: it waits no more, or was answered before. Errno for anything else. */
  answer(notification: DataView, answer: Answer): boolean {
    const prepared = answer === "continue" ? CONTINUE : respond(answer);
    prepared.view.setUint32(0, notification.getUint32(0, true), true);
    prepared.view.setUint32(4, notification.getUint32(4, true), true);
    if (libcIoctl(this.fd, SECCOMP_IOCTL_NOTIF_SEND, prepared.bytes) === 0) return true;
    // ENOENT: the call has gone. EINPROGRESS: it was answered already.
    if (errnoNow() === ERRNO.ENOENT || errnoNow() === EINPROGRESS) return false;
    check(-1, "SECCOMP_IOCTL_NOTIF_SEND");
    return false;
  }
}
