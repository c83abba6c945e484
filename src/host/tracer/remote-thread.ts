import type { Arch } from "../../core/abi/arch/arch.ts";
import { PTRACE_EVENT_STOP } from "../../core/abi/ptrace.ts";
import { SIGSTOP } from "../../core/abi/signal.ts";
import { Errno } from "../../core/base/errno.ts";
import type { Lent } from "../../core/trace/loan.ts";
import { onlySignal, passage, QUIET, registersFor, resultOf, withSignal } from "../../core/trace/remote-call.ts";
import { classifyStop, type Stop } from "../../core/trace/stop.ts";
import type { Outcome } from "../../core/vfs/parked.ts";
import { type Steps, step } from "../../core/vfs/steps.ts";

/** One stopped thread, as `LiveThread` has it from ptrace. */
export interface ThreadPort {
  registers(): Uint8Array;
  setRegisters(registers: Uint8Array): void;
  signalMask(): bigint;
  setSignalMask(mask: bigint): void;
  signalCode(): number;
  isPending(signal: number): boolean;
  interrupt(): void;
  resume(how: "run" | "syscall", signal: number): void;
}

/** A stop as wait(2) reports it. */
export interface RawStop {
  readonly signal: number;
  readonly event: number;
}

export interface ThreadContext {
  readonly arch: Arch;
  readonly port: ThreadPort;
  /** The thread's next stop. ESRCH when it is killed instead. */
  nextStop(): Outcome<RawStop>;
  /** Sends a signal to the process. */
  kill(signal: number): void;
}

/**
 * A lent thread that makes system calls for us. It goes from stop to stop of ptrace and executes nothing of its program
 * in between; signals stay pending in the kernel meanwhile, so that their order and what they carry is kept.
 */
export class RemoteThread {
  readonly #context: ThreadContext;
  readonly #lent: Lent;
  #mask = 0n;
  /** What is blocked for the time being; undefined while the thread has its own mask. */
  #quiet: bigint | undefined;
  #registers: Uint8Array = new Uint8Array();
  /** In a trap stop, where the kernel looks at the registers once more before the program goes on. */
  #trap: Stop | undefined;

  constructor(context: ThreadContext, lent: Lent) {
    this.#context = context;
    this.#lent = lent;
  }

  /** The registers as they were found and will be again. */
  get registers(): Uint8Array {
    return this.#registers;
  }

  /** Takes the thread to a place where calls can be made. */
  *prepare(): Steps<void> {
    const { port } = this.#context;
    const { stop, shown } = this.#lent;
    if (stop.kind === "trap" || stop.kind === "group") this.#trap = stop;
    if (stop.kind === "signal" && shown) {
      // A signal that is blocked by the time it shall be delivered is queued again, as it was.
      this.#mask = port.signalMask();
      this.#block(stop.signal);
      yield* this.#toTrap(stop.signal === SIGSTOP ? 0 : stop.signal);
    } else {
      // A signal nobody was shown is delivered: its handler has been entered, and nothing of it executed.
      if (!this.#trap) yield* this.#toTrap(stop.kind === "signal" ? stop.signal : 0);
      this.#mask = port.signalMask();
      this.#quiet = QUIET;
      port.setSignalMask(QUIET);
    }
    this.#registers = port.registers();
  }

  /** Makes a call with the instruction at `address`; -errno where it fails. EPERM where the process may not make it. */
  *call(address: number, number: number, args: readonly number[]): Steps<number> {
    const { port, arch } = this.#context;
    port.setRegisters(registersFor(arch, this.#registers, address, number, args));
    yield* this.#pass();
    yield* this.#pass();
    return resultOf(arch, port.registers());
  }

  /** Puts everything back. The stop the thread is left in. */
  *restore(): Steps<Stop> {
    const { port, kill } = this.#context;
    const { stop, shown } = this.#lent;
    if (!this.#trap) yield* this.#toTrap(0);
    port.setRegisters(this.#registers);
    port.setSignalMask(this.#mask);
    if (stop.kind !== "signal" || !shown) return this.#trap ?? stop;
    if (stop.signal === SIGSTOP) kill(SIGSTOP);
    // A SIGCONT has taken the signals that stop with it.
    if (!port.isPending(stop.signal)) return this.#trap ?? stop;
    port.setSignalMask(onlySignal(stop.signal));
    for (let found: RawStop | undefined; found?.signal !== stop.signal || found.event !== 0; ) {
      port.resume("run", 0);
      found = yield* step(this.#context.nextStop());
    }
    port.setSignalMask(this.#mask);
    return stop;
  }

  /** On to the next entry or exit of a system call. */
  *#pass(): Steps<void> {
    const { port, nextStop } = this.#context;
    this.#trap = undefined;
    for (let signal = 0; ; ) {
      port.resume("syscall", signal);
      const stop = yield* step(nextStop());
      signal = 0;
      switch (passage(stop.signal, stop.event, () => port.signalCode())) {
        case "call":
          return;
        case "trap":
          break;
        case "refused":
          throw new Errno("EPERM", "its own seccomp filter or system call dispatch refuses the calls this takes");
        case "keep":
          this.#block(stop.signal);
          signal = stop.signal;
          break;
        case "stop":
          signal = stop.signal;
          break;
      }
    }
  }

  /** From any stop to a trap stop, delivering `signal` on the way. */
  *#toTrap(signal: number): Steps<void> {
    const { port, nextStop } = this.#context;
    for (let pending = signal; ; ) {
      port.interrupt();
      port.resume("run", pending);
      const { signal: next, event } = yield* step(nextStop());
      if (event === PTRACE_EVENT_STOP) {
        this.#trap = classifyStop(next, event, "run");
        return;
      }
      pending = 0;
      if (event !== 0) continue;
      const meaning = passage(next, event, () => port.signalCode());
      if (meaning === "keep" && this.#quiet !== undefined) this.#block(next);
      // While the thread still has its own mask, a signal that comes first is delivered.
      if (meaning !== "refused" || this.#quiet === undefined) pending = next;
    }
  }

  #block(signal: number): void {
    this.#quiet = withSignal(this.#quiet ?? QUIET, signal);
    this.#context.port.setSignalMask(this.#quiet);
  }
}
