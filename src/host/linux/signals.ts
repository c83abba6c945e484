import { signalNumber } from "../../core/abi/signal.ts";
import { statusNumbers } from "../../core/abi/text/status.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import type { Process, Signals } from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { check } from "./ffi/call.ts";
import { libcGetpgid, libcGetsid, libcPidfdSendSignal } from "./ffi/libc.ts";
import type { LiveProcess } from "./live-process.ts";
import type { LiveProcessTable } from "./process-table.ts";

/**
 * Signals under kill(2)'s rules for the caller. They are judged here and not by taking on the caller's real uid: during
 * that moment the caller could signal the daemon. Only the caller's file-system uid is known, so it stands for both its
 * real and its effective uid.
 */
export class LiveSignals implements Signals {
  readonly #processes: LiveProcessTable;

  constructor(processes: LiveProcessTable) {
    this.#processes = processes;
  }

  note(target: Process, callers: readonly Caller[], signal: string): void {
    const live = target as LiveProcess;
    for (const caller of callers) {
      if (!this.#may(live, caller, signal)) {
        throw new Errno("EPERM", `uid ${caller.uid} may not signal process ${live.pid}`);
      }
    }
    check(libcPidfdSendSignal(live.dirfd(), signalNumber(signal), null, 0), `${signal} to process ${live.pid}`);
  }

  noteGroup(target: Process, callers: readonly Caller[], signal: string): void {
    const pgrp = check(libcGetpgid(target.pid), `process group of ${target.pid}`);
    let refused: Errno | undefined;
    let sent = 0;
    for (const pid of this.#processes.pids()) {
      if (libcGetpgid(pid) !== pgrp) continue;
      const member = this.#processes.find(pid);
      try {
        if (!member || member.isZombie()) continue;
        this.note(member, callers, signal);
        sent++;
      } catch (error) {
        if (isErrno(error, "EPERM")) refused = error;
        else if (!isErrno(error, "ESRCH")) throw error;
      }
    }
    if (sent === 0) throw refused ?? new Errno("ESRCH", `process group ${pgrp} has no living member`);
  }

  #may(target: LiveProcess, caller: Caller, signal: string): boolean {
    if (caller.uid === 0 && this.#processes.identity.isOwn(caller)) return true;
    const [real, , saved] = statusNumbers(target.statusText(), "Uid");
    if (caller.uid === real || caller.uid === saved) return true;
    const session = libcGetsid(target.pid);
    return signal === "cont" && session > 0 && caller.tid > 0 && libcGetsid(caller.tid) === session;
  }
}
