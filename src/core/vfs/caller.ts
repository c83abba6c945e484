import type { Tid } from "../base/brand.ts";

/** The process that makes a request, as the transport learned it from the kernel. */
export interface Caller {
  /** The thread that made the system call, in the daemon's pid namespace; 0 when it has no number there. */
  readonly tid: Tid;
  /** Its file-system uid and gid, in the daemon's user namespace. */
  readonly uid: number;
  readonly gid: number;
  /**
   * Of uid 0: whether it has every capability of the server, in the server's user namespace, as it was found when that was noted
   * down; what becomes of the thread later changes nothing. Absent: the kernel has to be asked of the thread. Who proved by a
   * certificate to be root is.
   */
  readonly fullRoot?: boolean;
  /** The connection it came by, where control belongs to that and not to the caller's session. */
  readonly connection?: Connection;
}

/** A connection of a transport, as somebody to whom things belong while it lasts. */
export interface Connection {
  /** Unlike that of any other connection this server has had. */
  readonly id: number;
  /** Calls `listener` once, when it ends; the result takes that back. */
  onEnd(listener: () => void): () => void;
}
