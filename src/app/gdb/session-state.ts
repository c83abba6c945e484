import { Errno } from "../../core/base/errno.ts";
import { fromGdbSignal, toGdbSignal } from "../../core/rsp/signals.ts";
import type { ThreadId } from "../../core/rsp/thread-id.ts";
import type { Debuggee } from "./debuggee.ts";
import type { Inferior } from "./inferior.ts";
import { RemoteFiles } from "./remote-files.ts";
import { Transfers } from "./transfers.ts";

/** What one client and we have agreed on, and what it works with. Handlers read and change it. */
export class SessionState {
  readonly debuggee: Debuggee;
  readonly transfers: Transfers = new Transfers();
  readonly files: RemoteFiles;
  /** Under control, if there is one. */
  inferior: Inferior | undefined;
  /** No acknowledgements from the next packet on. */
  noAck = false;
  /** The client names processes with threads. */
  withPid = false;
  /** It follows an exec; it wants to know that a breakpoint was one, with the program counter put back. */
  followsExec = false;
  wantsBreaks = false;
  /** It numbers signals as the host does, names threads behind requests, and lists them with each stop: lldb. */
  hostSignals = false;
  listsThreads = false;
  textErrors = false;
  /** Whose registers are meant, where nothing else is said: that of the last stop at first. */
  chosen: number | undefined;
  /** What there is to say of threads has been said. */
  threadsTold = false;
  /** The client has gone, or said goodbye. */
  ended = false;

  constructor(debuggee: Debuggee) {
    this.debuggee = debuggee;
    this.files = new RemoteFiles((path) => debuggee.openFile(path, this.inferior));
  }

  /** ESRCH where nothing is under control. */
  get target(): Inferior {
    if (!this.inferior || this.inferior.end) throw new Errno("ESRCH", "no process is under control");
    return this.inferior;
  }

  /** The thread that a request means. */
  threadOf(id: ThreadId | undefined): number {
    const { stop } = this.target;
    if (id && typeof id.tid === "number") return id.tid;
    return this.chosen ?? stop.tid;
  }

  /** A signal of the host as the client numbers it. */
  toClient(signal: number): number {
    return this.hostSignals ? signal : toGdbSignal(signal);
  }

  /** Undefined for one that the host does not have. */
  knownSignal(signal: number): number | undefined {
    return this.hostSignals ? signal : fromGdbSignal(signal);
  }

  /** EINVAL for one that the host does not have. */
  fromClient(signal: number): number {
    const known = this.knownSignal(signal);
    if (known === undefined) throw new Errno("EINVAL", `no signal ${signal} on this host`);
    return known;
  }
}
