import type { Accounts, Verdict } from "../../core/notify/accounts.ts";
import type { Job } from "../../core/space/job.ts";
import type { AccountedProcess } from "../../core/space/process.ts";
import type { TrappedCall } from "../../core/trap/notification.ts";
import type { Pulse } from "../linux/pulse.ts";
import type { Listener } from "./listener.ts";

/** What the loop needs from the accounts and the thread. No method may wait. */
export interface LoopOwner {
  /** As {@link Accounts.admit}. Throws NOT_YET while a map is read on another thread: the call is decided again when it is there. */
  admit(call: TrappedCall, job: Job, last: boolean): Verdict;
  /** A call of that thread was answered `continue`. */
  continued(tid: number): void;
  /** No process is under the filter of `listener` any more. Its descriptor is closed. */
  ended(listener: Listener): void;
  /** An error that belongs to no request; `what` names what was done. To be logged. */
  failed(error: unknown, what: string): void;
  /** The accounts have been told of the exit of this process. */
  exited(process: AccountedProcess): void;
  /** Where the thread shows that it turns. */
  readonly pulse: Pulse;
  /** The bell rings: there are messages. */
  messages(): void;
}
