import type { Arch } from "../../core/abi/arch/arch.ts";
import { willBeRepeated } from "../../core/abi/restart.ts";
import { SI_KERNEL, SIGINFO_CODE, TRAP_BRKPT } from "../../core/abi/signal.ts";
import type { Tid } from "../../core/base/brand.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import type { AddressSpace } from "../../core/procfs/ports.ts";
import type { CodePort, Patch, WatchSlot } from "../../core/trace/code-port.ts";
import { register, withRegister } from "../../core/trace/remote-call.ts";
import { Parked } from "../../core/vfs/parked.ts";
import { perform, type Steps, step } from "../../core/vfs/steps.ts";
import { DebugRegisters } from "./debug-registers.ts";
import { getRegisters, type LivePtrace, setRegisters } from "./live-ptrace.ts";
import { LiveThread } from "./live-thread.ts";
import { pause } from "./patches.ts";
import { Restorer } from "./restorer.ts";

const LONGEST_INSTRUCTION = 15;
/** How long to wait for a free thread of the pool when a breakpoint has to be put in or taken out. */
const AGAIN_MS = 5;

export interface Spaces {
  /** The memory of the process, which is stopped, as whoever controls it may open it. */
  own(): AddressSpace;
  /** The same of a child. ESRCH when that has been killed. */
  ofChild(child: Tid): AddressSpace;
  /** A descriptor of the memory of the process, whoever asks for it has to close. ESRCH. */
  descriptor(): number;
}

/** Undefined where there is no memory for it; a pool that is full is waited for. ESRCH where there is no process any more, or it was let go. */
function* unlessRefused<T>(begin: () => Steps<T>): Steps<T | undefined> {
  for (;;) {
    try {
      return yield* begin();
    } catch (error) {
      if (!isErrno(error) || error.code === "ESRCH") throw error;
      if (error.code !== "EAGAIN") return undefined;
    }
    yield* step(pause(AGAIN_MS));
  }
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isErrno(error)) throw error;
    return undefined;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}

/** Breakpoint instructions in the memory of one live process. */
export class LiveCode implements CodePort {
  readonly #arch: Arch;
  readonly #ptrace: LivePtrace;
  readonly #spaces: Spaces;
  readonly #trap: Uint8Array;
  readonly #debug: DebugRegisters;
  readonly #isHeld: () => boolean;
  #space: AddressSpace | undefined;
  /** Raised by {@link forget}: what has waited meanwhile is about a process that is ours no more, or another program. */
  #generation = 0;
  #restorer: Restorer | undefined;

  /** `isHeld`: every thread of the process is in a stop of ours, so that opening its memory does not wait. */
  constructor(arch: Arch, ptrace: LivePtrace, spaces: Spaces, isHeld: () => boolean) {
    this.#arch = arch;
    this.#ptrace = ptrace;
    this.#spaces = spaces;
    this.#isHeld = isHeld;
    this.#debug = new DebugRegisters(arch);
    this.#trap = Uint8Array.from(arch.breakpoint.instruction);
  }

  trapped(tid: Tid): number | undefined {
    return this.#ofLiving(() => {
      const code = new LiveThread(tid, this.#arch).signalInfo().readInt32LE(SIGINFO_CODE);
      if (code !== SI_KERNEL && code !== TRAP_BRKPT) return undefined;
      this.#ptrace.hasTrapped();
      return this.#counter(tid) - this.#arch.breakpoint.behind;
    });
  }

  before(tid: Tid): number | undefined {
    return this.#ofLiving(() => this.#counter(tid) - this.#arch.breakpoint.behind);
  }

  counter(tid: Tid): number | undefined {
    return this.#ofLiving(() => (this.#isInCall(tid) ? undefined : this.#counter(tid)));
  }

  #isInCall(tid: Tid): boolean {
    const { original, result } = this.#arch.call;
    // Where there is no such register the counter is before the call already, if that is made again.
    if (original === undefined) return false;
    const registers = getRegisters(tid, this.#arch);
    const value = (name: string): bigint => BigInt.asIntN(64, register(this.#arch, registers, name));
    return value(original) >= 0n && willBeRepeated(Number(value(result)));
  }

  #counter(tid: Tid): number {
    return Number(register(this.#arch, getRegisters(tid, this.#arch), this.#arch.programCounter));
  }

  setCounter(tid: Tid, address: number): void {
    this.#ofLiving(() => {
      const { programCounter } = this.#arch;
      const registers = getRegisters(tid, this.#arch);
      setRegisters(tid, this.#arch, withRegister(this.#arch, registers, programCounter, BigInt(address)));
    });
  }

  register(tid: Tid, name: string): bigint | undefined {
    return this.#ofLiving(() => register(this.#arch, getRegisters(tid, this.#arch), name));
  }

  #ofLiving<T>(ask: () => T): T | undefined {
    try {
      return ask();
    } catch (error) {
      if (isErrno(error, "ESRCH")) return undefined;
      throw error;
    }
  }

  plant(addresses: readonly number[], done: (planted: readonly Patch[]) => void): void {
    const planted: Patch[] = [];
    perform(this.#toTheEnd(this.#plant(addresses, planted), () => done(planted)));
  }

  *#plant(addresses: readonly number[], planted: Patch[]): Steps<void> {
    const space = this.#own();
    const generation = this.#generation;
    const looked: Patch[] = [];
    for (const address of addresses) {
      const patch = yield* unlessRefused(() => this.#look(space, address));
      if (patch) looked.push(patch);
    }
    this.#requireSame(generation);
    planted.push(...looked);
    this.#restorer?.planting(planted);
    // What cannot be written is taken out all the same: it is found not to be there.
    for (const { address } of planted) yield* unlessRefused(() => step(space.write(address, this.#trap)));
  }

  /** What is at an address. Undefined where an instruction does not fit. */
  *#look(space: AddressSpace, address: number): Steps<Patch | undefined> {
    const { instruction } = this.#arch.call;
    const bytes = new Uint8Array(Math.max(instruction.length, this.#trap.length));
    const count = yield* step(space.read(address, bytes));
    if (count < this.#trap.length) return undefined;
    const isCall = count >= instruction.length && instruction.every((byte, i) => bytes[i] === byte);
    return { address, original: bytes.subarray(0, this.#trap.length), isCall };
  }

  /** The bytes of an instruction, and some behind it; fewer where memory ends. ESRCH. */
  *instructionAt(address: number): Steps<Uint8Array> {
    const bytes = new Uint8Array(LONGEST_INSTRUCTION);
    const space = ifThere(() => this.#own());
    if (!space) return bytes.subarray(0, 0);
    return bytes.subarray(0, (yield* unlessRefused(() => step(space.read(address, bytes)))) ?? 0);
  }

  restore(patches: readonly Patch[], done: () => void): void {
    const over = (): void => {
      this.#restorer?.restored();
      done();
    };
    perform(
      this.#toTheEnd(
        this.#restore(() => this.#own(), patches),
        over,
      ),
    );
  }

  restoreIn(child: Tid, patches: readonly Patch[], done: () => void): void {
    let space: AddressSpace | undefined;
    const open = (): AddressSpace => {
      space = this.#spaces.ofChild(child);
      return space;
    };
    const over = (): void => {
      space?.close();
      done();
    };
    perform(this.#toTheEnd(this.#restore(open, patches), over));
  }

  *#restore(open: () => AddressSpace, patches: readonly Patch[]): Steps<void> {
    const space = open();
    const bytes = new Uint8Array(this.#trap.length);
    for (const { address, original } of patches) {
      // Where the program has put something else since that stays.
      const count = yield* unlessRefused(() => step(space.read(address, bytes)));
      if (count !== bytes.length || !sameBytes(bytes, this.#trap)) continue;
      yield* unlessRefused(() => step(space.write(address, original)));
    }
  }

  *#toTheEnd(steps: Steps<void>, done: () => void): Steps<void> {
    try {
      yield* steps;
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
    }
    done();
  }

  /** What is at the address, where a breakpoint could be. The process is stopped. EFAULT, EPERM, ESRCH, EBUSY. */
  *check(address: number): Steps<Patch> {
    const what = `no breakpoint at 0x${address.toString(16)}`;
    try {
      const space = this.#own();
      const generation = this.#generation;
      const patch = yield* this.#look(space, address);
      this.#requireSame(generation);
      if (!patch) throw new Errno("EFAULT", what);
      this.#restorer ??= this.#newRestorer();
      // The same again: whether the kernel lets us change it, and others than this process would not see it.
      yield* step(space.write(address, patch.original));
      return patch;
    } catch (error) {
      if (!isErrno(error)) throw error;
      throw new Errno(error.code, `${what}: ${error.reason}`, error);
    }
  }

  #newRestorer(): Restorer {
    this.#requireHeld();
    return new Restorer(this.#spaces.descriptor());
  }

  #own(): AddressSpace {
    if (this.#space) return this.#space;
    this.#requireHeld();
    this.#space = this.#spaces.own();
    return this.#space;
  }

  /** EBUSY: opening the memory of a process that runs may wait for as long as that likes. */
  #requireHeld(): void {
    if (!this.#isHeld()) throw new Errno("EBUSY", "the process is not stopped any more");
  }

  /** ESRCH. */
  #requireSame(generation: number): void {
    if (generation !== this.#generation)
      throw new Errno("ESRCH", "the process was let go, or executes another program");
  }

  get watchRegisters(): number {
    return this.#debug.count;
  }

  setWatches(tid: Tid, slots: readonly WatchSlot[]): void {
    // That they can be set was tried when they were asked for.
    this.#ofLiving(() => this.#debug.set(tid, slots));
  }

  tryWatches(tid: Tid, slots: readonly WatchSlot[]): void {
    this.#debug.set(tid, slots);
  }

  watchesHit(tid: Tid): readonly number[] {
    return this.#ofLiving(() => this.#debug.matched(tid)) ?? [];
  }

  read(address: number, length: number): Uint8Array | undefined {
    const bytes = new Uint8Array(length);
    const count = ifThere(() => this.#own().read(address, bytes));
    if (count instanceof Parked) count.interrupt();
    return count === length ? bytes : undefined;
  }

  forget(): void {
    this.#generation++;
    this.#space?.close();
    this.#restorer?.close();
    this.#space = this.#restorer = undefined;
  }

  reportForks(tids: readonly Tid[]): void {
    this.#ptrace.reportForks(tids);
  }
}
