import type { Arch } from "../../core/abi/arch/arch.ts";
import { callNumber } from "../../core/abi/arch/call-names.ts";
import { ALL_SIGNALS, anySignalNumber } from "../../core/abi/signal.ts";
import { mappingAt } from "../../core/abi/text/smaps.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { fromLatin1 } from "../../core/base/text.ts";
import type { Breakpoint, BreakRequest, Debugger, Patched } from "../../core/procfs/breakpoints-port.ts";
import type { Process } from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import type { Outcome } from "../../core/vfs/parked.ts";
import { perform, type Steps, step } from "../../core/vfs/steps.ts";
import type { Elsewhere } from "../linux/elsewhere/elsewhere.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import type { LiveProcessTable } from "../linux/process-table.ts";
import type { Attachments } from "./attachments.ts";
import { isNative } from "./live-ptrace.ts";

/** EINVAL. */
function signalOf(name: string): number {
  try {
    return anySignalNumber(name);
  } catch (error) {
    if (!isErrno(error)) throw error;
    throw new Errno("EINVAL", error.reason, error);
  }
}

/** EINVAL. */
function numberOf(arch: Arch, name: string): number {
  const number = callNumber(arch, name);
  if (number === undefined) throw new Errno("EINVAL", `there is no system call ${name}`);
  return number;
}

interface Setup {
  readonly attachments: Attachments;
  readonly processes: LiveProcessTable;
  readonly elsewhere: Elsewhere;
  readonly arch: Arch;
}

/** The breakpoints of processes under control. */
export class LiveBreakpoints implements Debugger {
  readonly breakInstruction: Uint8Array;
  readonly stackPointer: string;
  readonly #setup: Setup;

  constructor(setup: Setup) {
    this.#setup = setup;
    this.stackPointer = setup.arch.stackPointer;
    this.breakInstruction = Uint8Array.from(setup.arch.breakpoint.instruction);
  }

  breakAt(process: Process, caller: Caller, request: BreakRequest): Outcome<void> {
    return perform(this.#breakAt(process as LiveProcess, caller, request));
  }

  *#breakAt(target: LiveProcess, caller: Caller, request: BreakRequest): Steps<void> {
    const { attachments, arch } = this.#setup;
    const attachment = attachments.stoppable(target, caller);
    yield* step(attachment.whenStopped(() => {}));
    if (!isNative(attachment.tracee.current, arch)) {
      throw new Errno("EOPNOTSUPP", `process ${target.pid} runs 32-bit code, where breakpoints are not known`);
    }
    const isWatch = request.kind === "watch";
    if (isWatch && !arch.debugRegisters)
      throw new Errno("EOPNOTSUPP", "this processor's debug registers are not known");
    if (!isWatch) yield* this.#checkMapping(target, caller, request.address);
    // It may have been let go meanwhile, and be somebody else's now.
    if (attachments.stoppable(target, caller) !== attachment)
      throw new Errno("EBUSY", `process ${target.pid} was let go meanwhile`);
    yield* step(attachment.breakAt(request));
  }

  goTo(process: Process, caller: Caller, request: BreakRequest): Outcome<void> {
    return perform(this.#goTo(process as LiveProcess, caller, request));
  }

  *#goTo(target: LiveProcess, caller: Caller, request: BreakRequest): Steps<void> {
    const attachment = this.#setup.attachments.stoppable(target, caller);
    yield* step(attachment.whenStopped(() => {}));
    const thread = attachment.tracee.current;
    yield* this.#breakAt(target, caller, { ...request, thread });
    attachment.tracee.run();
  }

  next(process: Process, caller: Caller): Outcome<void> {
    return perform(this.#next(process as LiveProcess, caller));
  }

  *#next(target: LiveProcess, caller: Caller): Steps<void> {
    const { attachments, arch } = this.#setup;
    const attachment = attachments.stoppable(target, caller);
    yield* step(attachment.whenStopped(() => {}));
    const call = yield* attachment.callAt();
    if (call) {
      const { behind, stackPointer } = call;
      const condition = { register: arch.stackPointer, value: stackPointer, orMore: true } as const;
      yield* this.#goTo(target, caller, { kind: "next", address: behind, asked: "", condition });
    } else {
      const stoppable = attachments.stoppable(target, caller);
      yield* step(stoppable.whenStopped(() => stoppable.tracee.step()));
    }
  }

  ignore(process: Process, caller: Caller, names: readonly string[], tell: boolean): void {
    const { tracee } = this.#setup.attachments.ofCaller(process, caller);
    tracee.ignore(names.includes("all") && names.length === 1 ? ALL_SIGNALS : names.map(signalOf), tell);
  }

  traceCalls(process: Process, caller: Caller, names: readonly string[]): void {
    const { attachments, arch } = this.#setup;
    const { tracee } = attachments.ofCaller(process, caller);
    const [only] = names;
    if (names.length === 1 && (only === "all" || only === "none")) tracee.traceCalls(only === "all" ? only : undefined);
    else tracee.traceCalls(new Set(names.map((name) => numberOf(arch, name))));
  }

  /** EFAULT where nothing is mapped, EOPNOTSUPP in memory that is shared: others would meet the breakpoint, who are not traced. */
  *#checkMapping(target: LiveProcess, caller: Caller, address: number): Steps<void> {
    const { elsewhere, processes } = this.#setup;
    const { pid } = target;
    const asked = { pid, role: processes.identity.roleOf(caller), name: "maps" } as const;
    const mapping = mappingAt(fromLatin1(yield* step(elsewhere.do(target, caller, "bytes", asked))), address);
    const what = `at 0x${address.toString(16)} of process ${pid}`;
    if (!mapping) throw new Errno("EFAULT", `there is no memory ${what}`);
    if (mapping.rights.includes("s")) {
      throw new Errno("EOPNOTSUPP", `the memory ${what} is shared with other processes, which a breakpoint would kill`);
    }
  }

  clear(process: Process, caller: Caller, which: number | "all"): Outcome<void> {
    const attachment = this.#setup.attachments.stoppable(process, caller);
    return attachment.whenStopped(() => attachment.tracee.clearBreakpoints(which));
  }

  breakpoints(process: Process): readonly Breakpoint[] {
    return this.#setup.attachments.get(process.pid)?.tracee.breakpoints ?? [];
  }

  changing(process: Process): readonly number[] {
    return this.#setup.attachments.get(process.pid)?.tracee.changing ?? [];
  }

  patches(process: Process): readonly Patched[] {
    return this.#setup.attachments.get(process.pid)?.tracee.planted ?? [];
  }
}
