import { DW_CFA } from "../abi/dwarf.ts";
import type { FrameEntry } from "./call-frame.ts";
import { DwarfReader, malformed } from "./dwarf-reader.ts";

/** Where the caller's value of a register is. Expressions are DWARF's, over the values of this frame. */
export type Rule =
  | { readonly kind: "undefined" }
  | { readonly kind: "same" }
  /** Saved in memory, so many bytes from the canonical frame address. */
  | { readonly kind: "saved"; readonly offset: number }
  /** Is the canonical frame address and so many bytes. */
  | { readonly kind: "value"; readonly offset: number }
  | { readonly kind: "register"; readonly register: number }
  | { readonly kind: "saved-at"; readonly expression: Uint8Array }
  | { readonly kind: "computed"; readonly expression: Uint8Array };

/** The canonical frame address: the stack pointer as it was before the call. */
export type FrameAddress = { readonly register: number; readonly offset: number } | { readonly expression: Uint8Array };

/** What holds at one instruction of a function. */
export interface FrameRules {
  readonly frame: FrameAddress;
  /** By DWARF register number. */
  readonly registers: ReadonlyMap<number, Rule>;
}

/** More than any processor has, and any compiler nests. */
const MAX_REGISTER = 255;
const MAX_REMEMBERED = 64;

interface State {
  frame: FrameAddress;
  registers: Map<number, Rule>;
}

/** Carries out the instructions of a function up to `address`. EPROTO. */
export function rulesAt(entry: FrameEntry, address: number): FrameRules {
  const { common } = entry;
  const state: State = { frame: { register: MAX_REGISTER, offset: 0 }, registers: new Map() };
  const run = new Run(state, entry, address);
  run.carryOut(new DwarfReader(common.instructions));
  run.initial = new Map(state.registers);
  run.carryOut(new DwarfReader(entry.instructions));
  return state;
}

class Run {
  /** What the common entry says, for those that are restored. */
  initial: ReadonlyMap<number, Rule> = new Map();
  readonly #state: State;
  readonly #entry: FrameEntry;
  readonly #until: number;
  readonly #remembered: State[] = [];
  #at: number;

  constructor(state: State, entry: FrameEntry, until: number) {
    this.#state = state;
    this.#entry = entry;
    this.#until = until;
    this.#at = entry.start;
  }

  carryOut(reader: DwarfReader): void {
    const { codeFactor, dataFactor, pointerEncoding } = this.#entry.common;
    while (reader.remaining > 0 && this.#at <= this.#until) {
      const opcode = reader.u8();
      const operand = opcode & 0x3f;
      const primary = opcode & 0xc0;
      if (primary === DW_CFA.advance_loc) this.#at += operand * codeFactor;
      else if (primary === DW_CFA.offset) this.#set(operand, { kind: "saved", offset: reader.uleb() * dataFactor });
      else if (primary === DW_CFA.restore) this.#restore(operand);
      else if (opcode === DW_CFA.advance_loc1) this.#at += reader.u8() * codeFactor;
      else if (opcode === DW_CFA.advance_loc2) this.#at += reader.u16() * codeFactor;
      else if (opcode === DW_CFA.advance_loc4) this.#at += reader.u32() * codeFactor;
      else if (opcode === DW_CFA.set_loc) this.#at = reader.pointer(pointerEncoding, this.#entry.instructionsAt, 0);
      else if (!this.#defineFrame(opcode, reader, dataFactor)) this.#define(opcode, reader, dataFactor);
    }
  }

  #set(register: number, rule: Rule): void {
    if (register > MAX_REGISTER) throw malformed(`a rule for register ${register}`);
    this.#state.registers.set(register, rule);
  }

  #restore(register: number): void {
    const rule = this.initial.get(register);
    if (rule) this.#state.registers.set(register, rule);
    else this.#state.registers.delete(register);
  }

  /** Whether the instruction was about the frame address. */
  #defineFrame(opcode: number, reader: DwarfReader, factor: number): boolean {
    const { frame } = this.#state;
    const before = "register" in frame ? frame : { register: MAX_REGISTER, offset: 0 };
    switch (opcode) {
      case DW_CFA.def_cfa:
        this.#state.frame = { register: reader.uleb(), offset: reader.uleb() };
        return true;
      case DW_CFA.def_cfa_sf:
        this.#state.frame = { register: reader.uleb(), offset: reader.sleb() * factor };
        return true;
      case DW_CFA.def_cfa_register:
        this.#state.frame = { register: reader.uleb(), offset: before.offset };
        return true;
      case DW_CFA.def_cfa_offset:
        this.#state.frame = { register: before.register, offset: reader.uleb() };
        return true;
      case DW_CFA.def_cfa_offset_sf:
        this.#state.frame = { register: before.register, offset: reader.sleb() * factor };
        return true;
      case DW_CFA.def_cfa_expression:
        this.#state.frame = { expression: reader.bytes(reader.uleb()) };
        return true;
      default:
        return false;
    }
  }

  #define(opcode: number, reader: DwarfReader, factor: number): void {
    switch (opcode) {
      case DW_CFA.nop:
      case DW_CFA.AARCH64_negate_ra_state:
        return;
      case DW_CFA.GNU_args_size:
        reader.uleb();
        return;
      case DW_CFA.offset_extended:
        this.#set(reader.uleb(), { kind: "saved", offset: reader.uleb() * factor });
        return;
      case DW_CFA.offset_extended_sf:
        this.#set(reader.uleb(), { kind: "saved", offset: reader.sleb() * factor });
        return;
      case DW_CFA.GNU_negative_offset_extended:
        this.#set(reader.uleb(), { kind: "saved", offset: -reader.uleb() * factor });
        return;
      case DW_CFA.val_offset:
        this.#set(reader.uleb(), { kind: "value", offset: reader.uleb() * factor });
        return;
      case DW_CFA.val_offset_sf:
        this.#set(reader.uleb(), { kind: "value", offset: reader.sleb() * factor });
        return;
      case DW_CFA.restore_extended:
        this.#restore(reader.uleb());
        return;
      case DW_CFA.undefined:
        this.#set(reader.uleb(), { kind: "undefined" });
        return;
      case DW_CFA.same_value:
        this.#set(reader.uleb(), { kind: "same" });
        return;
      case DW_CFA.register:
        this.#set(reader.uleb(), { kind: "register", register: reader.uleb() });
        return;
      case DW_CFA.expression:
        this.#set(reader.uleb(), { kind: "saved-at", expression: reader.bytes(reader.uleb()) });
        return;
      case DW_CFA.val_expression:
        this.#set(reader.uleb(), { kind: "computed", expression: reader.bytes(reader.uleb()) });
        return;
      case DW_CFA.remember_state:
        if (this.#remembered.length >= MAX_REMEMBERED) throw malformed("too many remembered states");
        this.#remembered.push({ frame: this.#state.frame, registers: new Map(this.#state.registers) });
        return;
      case DW_CFA.restore_state: {
        const state = this.#remembered.pop();
        if (!state) throw malformed("a state is restored that was not remembered");
        this.#state.frame = state.frame;
        this.#state.registers = state.registers;
        return;
      }
      default:
        throw malformed(`call frame instruction 0x${opcode.toString(16)}`);
    }
  }
}
