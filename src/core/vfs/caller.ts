import type { Tid } from "../base/brand.ts";

/** Who asks, as the transport learned it from the kernel. */
export interface Caller {
  /** The thread that made the system call, in the daemon's pid namespace; 0 when it has no number there. */
  readonly tid: Tid;
  /** Its file-system uid and gid, in the daemon's user namespace. */
  readonly uid: number;
  readonly gid: number;
}
