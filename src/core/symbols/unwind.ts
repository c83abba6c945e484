import type { DwarfFacts } from "../abi/arch/arch.ts";
import { isErrno } from "../base/errno.ts";
import { type ByteSource, readAddress, readWord } from "./byte-source.ts";
import { evaluate } from "./expression.ts";
import type { FrameAddress, Rule } from "./frame-rules.ts";
import type { Leaving } from "./module-symbols.ts";
import { type FindDebugFile, type LoadedModule, type Located, ModuleMap } from "./modules.ts";
import { type Registers, type RegisterValues, registerValues } from "./registers.ts";

/** One frame of a stack: a call that has not returned. */
export interface Frame {
  /** The address at which it goes on. */
  readonly pc: number;
  /** Path of the file that the code is from. */
  readonly module: string | undefined;
  /** As the compiler wrote it: mangled, in C++ and Rust. */
  readonly symbol: string | undefined;
  /** Bytes from the beginning of the symbol to `pc`; 0 without one. */
  readonly offset: number;
  readonly file: string | undefined;
  readonly line: number | undefined;
  /** Made by the kernel to call a signal handler: the next one was interrupted and did not call. */
  readonly isSignalFrame: boolean;
  /** The stack pointer when it goes on; undefined where it is not known. */
  readonly sp?: number | undefined;
}

const MAX_FRAMES = 256;

/**
 * The calls that have not returned, the innermost first. It follows .eh_frame where the code has it and the chain of
 * frame pointers elsewhere, and ends where nothing more is known. Never throws, whatever the memory and the files hold.
 */
export function unwind(
  registers: Registers,
  memory: ByteSource,
  modules: readonly LoadedModule[],
  { maxFrames = MAX_FRAMES, debugFile }: { maxFrames?: number; debugFile?: FindDebugFile } = {},
): Frame[] {
  const map = new ModuleMap(modules, memory, debugFile);
  const { dwarf } = registers.arch;
  const frames: Frame[] = [];
  let values: RegisterValues | undefined = registerValues(registers);
  let wasInterrupted = true;
  while (values && frames.length < maxFrames) {
    const pc: number | undefined = values[dwarf.programCounter];
    // A thread that has jumped to 0 has been interrupted there; a caller there is the end.
    if (pc === undefined || (pc === 0 && !wasInterrupted)) break;
    // A call may be the last instruction of its function: the return address is then in the next function.
    const inside: number = pc - (wasInterrupted ? 0 : 1);
    const located = map.locate(inside);
    const leaving = located?.symbols?.leaving(located.address);
    const isSignalFrame = leaving?.isSignalFrame ?? false;
    frames.push({ ...describe(pc, located, inside, isSignalFrame), sp: values[dwarf.stackPointer] });
    values = new Step(dwarf, memory, values).leave(leaving, located, map, wasInterrupted);
    wasInterrupted = isSignalFrame;
  }
  return frames;
}

function describe(pc: number, located: Located | undefined, inside: number, isSignalFrame: boolean): Frame {
  const { symbols, address = 0, module, bias = 0 } = located ?? {};
  // The frame of a signal has no call in it: its code begins where it goes on.
  const { symbol, line } = symbols?.place(isSignalFrame ? address + pc - inside : address) ?? {};
  return {
    pc,
    module: module?.path,
    symbol: symbol?.name,
    offset: symbol ? pc - bias - symbol.address : 0,
    file: line?.file,
    line: line?.line,
    isSignalFrame,
  };
}

/** Goes from one frame to that of its caller. */
class Step {
  readonly #dwarf: DwarfFacts;
  readonly #memory: ByteSource;
  readonly #values: RegisterValues;

  constructor(dwarf: DwarfFacts, memory: ByteSource, values: RegisterValues) {
    this.#dwarf = dwarf;
    this.#memory = memory;
    this.#values = values;
  }

  /** The caller's registers; undefined where the stack ends. */
  leave(
    leaving: Leaving | undefined,
    located: Located | undefined,
    map: ModuleMap,
    wasInterrupted: boolean,
  ): RegisterValues | undefined {
    try {
      const caller = leaving
        ? this.#byRules(leaving, located?.bias ?? 0)
        : this.#withoutRules(located, map, wasInterrupted);
      return caller && this.#isProgress(caller, leaving?.isSignalFrame ?? false) ? caller : undefined;
    } catch (error) {
      if (isErrno(error, "EPROTO")) return undefined;
      throw error;
    }
  }

  /** A stack grows down: a caller's part is not below. A signal may have been handled on another stack. */
  #isProgress(caller: RegisterValues, isSignalFrame: boolean): boolean {
    const { stackPointer, programCounter } = this.#dwarf;
    const before = this.#values[stackPointer] ?? 0;
    const after = caller[stackPointer] ?? 0;
    if (isSignalFrame || after > before) return true;
    return after === before && caller[programCounter] !== this.#values[programCounter];
  }

  #byRules({ rules, returnColumn }: Leaving, bias: number): RegisterValues | undefined {
    const frame = this.#frameAddress(rules.frame, bias);
    if (frame === undefined) return undefined;
    const { stackPointer, programCounter } = this.#dwarf;
    const caller = [...this.#values];
    caller[stackPointer] = frame;
    for (const [register, rule] of rules.registers) {
      if (register !== returnColumn && register < caller.length)
        caller[register] = this.#value(rule, register, frame, bias);
    }
    const rule = rules.registers.get(returnColumn) ?? { kind: "same" };
    caller[programCounter] = this.#returnAddress(rule, returnColumn, frame, bias);
    if (returnColumn !== programCounter) caller[returnColumn] = caller[programCounter];
    return caller[programCounter] === undefined ? undefined : caller;
  }

  #frameAddress(frame: FrameAddress, bias: number): number | undefined {
    if ("expression" in frame) return this.#evaluate(frame.expression, bias, undefined);
    const base = this.#values[frame.register];
    return base === undefined ? undefined : base + frame.offset;
  }

  #returnAddress(rule: Rule, column: number, frame: number, bias: number): number | undefined {
    if (rule.kind === "saved") return readAddress(this.#memory, frame + rule.offset, this.#dwarf.addressBits);
    return this.#value(rule, column, frame, bias);
  }

  #value(rule: Rule, register: number, frame: number, bias: number): number | undefined {
    switch (rule.kind) {
      case "undefined":
        return undefined;
      case "same":
        return this.#values[register];
      case "saved":
        return readWord(this.#memory, frame + rule.offset);
      case "value":
        return frame + rule.offset;
      case "register":
        return this.#values[rule.register];
      case "saved-at": {
        const at = this.#evaluate(rule.expression, bias, frame);
        return at === undefined ? undefined : readWord(this.#memory, at);
      }
      case "computed":
        return this.#evaluate(rule.expression, bias, frame);
    }
  }

  #evaluate(expression: Uint8Array, bias: number, first: number | undefined): number | undefined {
    const register = (number: number): number | undefined => this.#values[number];
    return evaluate(expression, { register, memory: this.#memory, bias }, first);
  }

  /** Code without call frame information: generated at run time, or written by hand. */
  #withoutRules(located: Located | undefined, map: ModuleMap, wasInterrupted: boolean): RegisterValues | undefined {
    // After a call of an address that is no code nothing has been saved yet: the return address is on top of the stack, or in the link
    // register.
    return (wasInterrupted && !located ? this.#justCalled(map) : undefined) ?? this.#byFramePointer();
  }

  #justCalled(map: ModuleMap): RegisterValues | undefined {
    const { linkRegister, stackPointer, programCounter, addressBits } = this.#dwarf;
    const top = this.#values[stackPointer];
    if (top === undefined) return undefined;
    const back = linkRegister === undefined ? readAddress(this.#memory, top, addressBits) : this.#values[linkRegister];
    if (back === undefined || map.locate(back)?.symbols === undefined) return undefined;
    const caller = [...this.#values];
    caller[programCounter] = back;
    caller[stackPointer] = linkRegister === undefined ? top + 8 : top;
    return caller;
  }

  /** A frame begins with the frame pointer of the caller and the return address. */
  #byFramePointer(): RegisterValues | undefined {
    const { framePointer, stackPointer, programCounter, linkRegister, addressBits } = this.#dwarf;
    const frame = this.#values[framePointer];
    const top = this.#values[stackPointer];
    if (frame === undefined || top === undefined || frame < top || frame % 8 !== 0) return undefined;
    const next = readWord(this.#memory, frame);
    const back = readAddress(this.#memory, frame + 8, addressBits);
    if (next === undefined || back === undefined || back === 0) return undefined;
    const caller = [...this.#values];
    caller[framePointer] = next;
    caller[stackPointer] = frame + 16;
    caller[programCounter] = back;
    if (linkRegister !== undefined) caller[linkRegister] = back;
    return caller;
  }
}
