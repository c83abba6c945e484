import type { Arch } from "../abi/arch/arch.ts";
import { invariant } from "../base/assert.ts";
import { abridgeTags, expandTags } from "./x87-tags.ts";

/** Which file of a thread has a register: `regs` or `fpregs`. */
export type SetName = "general" | "floating";

/** A register as a debugger counts it. */
export interface DebuggerRegister {
  readonly name: string;
  readonly bits: number;
  /** Of the description's types. */
  readonly type: string;
  readonly group?: string;
  /** Where the kernel's set has it: bytes. What is longer here than there is 0 above. */
  readonly set: SetName;
  readonly at: number;
  readonly size: number;
  /** It is told otherwise than the kernel has it. */
  readonly tags?: true;
}

/** A feature of the target description: the types it defines, as XML, and registers. */
export interface DebuggerFeature {
  readonly name: string;
  readonly types: string;
  readonly registers: readonly DebuggerRegister[];
}

/** What a debugger calls a processor and its registers, in the order of their numbers. */
export interface RegisterLayout {
  readonly architecture: string;
  /** Of LLVM. */
  readonly triple: string;
  readonly features: readonly DebuggerFeature[];
  /** Names of registers that are told with every stop. */
  readonly expedited: readonly string[];
  /** The trap instruction that a debugger writes over a program. */
  readonly trap: readonly number[];
  /** Bytes by which the program counter is behind such an instruction that was executed. */
  readonly trapAdvance: number;
}

/** A row before it is known where the kernel has the register: by the name that it has there. */
export interface LayoutRow {
  readonly name: string;
  readonly bits: number;
  readonly type: string;
  readonly group?: string;
  readonly from: string;
  /** Within that one: bytes. */
  readonly at?: number;
  readonly size?: number;
  readonly tags?: true;
}

/** Finds the kernel's place of each row among the facts of `arch`. */
export function placed(arch: Arch, rows: readonly LayoutRow[]): readonly DebuggerRegister[] {
  return rows.map(({ from, at = 0, size, ...row }) => {
    const general = arch.registers.indexOf(from);
    const set: SetName = general >= 0 ? "general" : "floating";
    const field = general >= 0 ? { at: 8 * general, size: 8 } : arch.floating.fields.find(({ name }) => name === from);
    invariant(field, `rsp/layout: the kernel has no register ${from}`);
    const room = Math.min(row.bits / 8, field.size - at);
    return { ...row, set, at: field.at + at, size: Math.min(size ?? room, room) };
  });
}

/** All registers by number. */
export function registersOf({ features }: RegisterLayout): readonly DebuggerRegister[] {
  return features.flatMap(({ registers }) => registers);
}

/** The kernel's sets of one thread. */
export type RegisterSets = Readonly<Record<SetName, Uint8Array>>;

/** The value of a register, little-endian, of its whole length. */
export function registerValue(register: DebuggerRegister, sets: RegisterSets): Uint8Array {
  const value = new Uint8Array(register.bits / 8);
  const kept = sets[register.set].subarray(register.at, register.at + register.size);
  if (register.tags) new DataView(value.buffer).setUint16(0, expandTags(kept[0]!, sets.floating), true);
  else value.set(kept);
  return value;
}

/** What a register's value is in the kernel's set, to be written at {@link DebuggerRegister.at}. */
export function keptValue(register: DebuggerRegister, value: Uint8Array): Uint8Array {
  if (!register.tags) return value.slice(0, register.size);
  return Uint8Array.of(abridgeTags(value[0]! | ((value[1] ?? 0) << 8)));
}
