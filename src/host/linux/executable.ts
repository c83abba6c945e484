import type { Executable, Executables, Process } from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { mapOutcome, type Outcome } from "../../core/vfs/parked.ts";
import type { CallerIdentity } from "./caller-identity.ts";
import type { Elsewhere } from "./elsewhere/elsewhere.ts";
import { check } from "./ffi/call.ts";
import { libcClose, libcPread } from "./ffi/libc.ts";
import type { LiveProcess } from "./live-process.ts";

/** Executables through `/proc/PID/exe`, opened as the caller: the ptrace check for the link, then the file's own bits. */
export class LiveExecutables implements Executables {
  readonly #identity: CallerIdentity;
  readonly #elsewhere: Elsewhere;

  constructor(identity: CallerIdentity, elsewhere: Elsewhere) {
    this.#identity = identity;
    this.#elsewhere = elsewhere;
  }

  open(process: Process, caller: Caller): Outcome<Executable> {
    const live = process as LiveProcess;
    const asked = { pid: live.pid, role: this.#identity.roleOf(caller) };
    return mapOutcome(this.#elsewhere.do(live, caller, "openExecutable", asked), (fd) => ({
      read: (offset, into) => check(libcPread(fd, into, into.length, offset), `executable of process ${live.pid}`),
      close: () => void libcClose(fd),
    }));
  }
}
