import { DW_OP } from "../abi/dwarf.ts";
import { type ByteSource, readUpTo } from "./byte-source.ts";
import { DwarfReader, malformed } from "./dwarf-reader.ts";

/** What an expression may look at. */
export interface Surroundings {
  /** The value of a register, by DWARF number; undefined where it is not known. */
  register(number: number): number | undefined;
  readonly memory: ByteSource;
  /** What has to be added to an address of the file. */
  readonly bias: number;
}

const MAX_OPERATIONS = 512;
const MAX_DEPTH = 64;

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const s64 = (value: bigint): bigint => BigInt.asIntN(64, value);

/** Operations of two values: the one below and the one on top. */
const BINARY: Readonly<Record<number, (a: bigint, b: bigint) => bigint>> = {
  [DW_OP.and]: (a, b) => a & b,
  [DW_OP.div]: (a, b) => s64(a) / s64(notZero(b)),
  [DW_OP.minus]: (a, b) => a - b,
  [DW_OP.mod]: (a, b) => a % notZero(b),
  [DW_OP.mul]: (a, b) => a * b,
  [DW_OP.or]: (a, b) => a | b,
  [DW_OP.plus]: (a, b) => a + b,
  [DW_OP.shl]: (a, b) => (b < 64n ? a << b : 0n),
  [DW_OP.shr]: (a, b) => (b < 64n ? a >> b : 0n),
  [DW_OP.shra]: (a, b) => s64(a) >> (b < 64n ? b : 63n),
  [DW_OP.xor]: (a, b) => a ^ b,
  [DW_OP.eq]: (a, b) => BigInt(a === b),
  [DW_OP.ge]: (a, b) => BigInt(s64(a) >= s64(b)),
  [DW_OP.gt]: (a, b) => BigInt(s64(a) > s64(b)),
  [DW_OP.le]: (a, b) => BigInt(s64(a) <= s64(b)),
  [DW_OP.lt]: (a, b) => BigInt(s64(a) < s64(b)),
  [DW_OP.ne]: (a, b) => BigInt(a !== b),
};

/** Constants, by how they are written. */
const CONSTANTS: Readonly<Record<number, (reader: DwarfReader) => bigint>> = {
  [DW_OP.const1u]: (reader) => BigInt(reader.u8()),
  [DW_OP.const1s]: (reader) => BigInt(reader.i8()),
  [DW_OP.const2u]: (reader) => BigInt(reader.u16()),
  [DW_OP.const2s]: (reader) => BigInt(reader.i16()),
  [DW_OP.const4u]: (reader) => BigInt(reader.u32()),
  [DW_OP.const4s]: (reader) => BigInt(reader.i32()),
  [DW_OP.const8u]: (reader) => BigInt(reader.u64()),
  [DW_OP.const8s]: (reader) => BigInt(reader.i64()),
  [DW_OP.constu]: (reader) => BigInt(reader.uleb()),
  [DW_OP.consts]: (reader) => BigInt(reader.sleb()),
};

const UNARY: Readonly<Record<number, (a: bigint) => bigint>> = {
  [DW_OP.abs]: (a) => (s64(a) < 0n ? -a : a),
  [DW_OP.neg]: (a) => -a,
  [DW_OP.not]: (a) => ~a,
};

function notZero(value: bigint): bigint {
  if (value === 0n) throw malformed("an expression divides by zero");
  return value;
}

/** The value of a DWARF expression that begins with `first` on its stack; undefined where something is not known. EPROTO. */
export function evaluate(
  expression: Uint8Array,
  surroundings: Surroundings,
  first: number | undefined,
): number | undefined {
  const stack: bigint[] = first === undefined ? [] : [BigInt(first)];
  try {
    run(expression, surroundings, stack);
  } catch (error) {
    if (error === UNKNOWN) return undefined;
    throw error;
  }
  return Number(pop(stack));
}

/** Ends an evaluation that needs what is not known. */
const UNKNOWN = new Error("unknown");

function pop(stack: bigint[]): bigint {
  const value = stack.pop();
  if (value === undefined) throw malformed("an expression takes from an empty stack");
  return value;
}

function pick(stack: readonly bigint[], depth: number): bigint {
  const value = stack[stack.length - 1 - depth];
  if (value === undefined) throw malformed("an expression looks below its stack");
  return value;
}

function known(value: number | undefined): bigint {
  if (value === undefined || !Number.isInteger(value)) throw UNKNOWN;
  return BigInt(value);
}

function load(memory: ByteSource, address: bigint, size: number): bigint {
  const bytes = size >= 1 && size <= 8 ? readUpTo(memory, Number(address), size) : undefined;
  if (!bytes || bytes.length < size) throw UNKNOWN;
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function run(expression: Uint8Array, { register, memory, bias }: Surroundings, stack: bigint[]): void {
  let reader = new DwarfReader(expression);
  const push = (value: bigint): void => void stack.push(u64(value));
  for (let steps = 0; reader.remaining > 0; steps++) {
    if (steps > MAX_OPERATIONS || stack.length > MAX_DEPTH) throw malformed("an expression without end");
    const opcode = reader.u8();
    const binary = BINARY[opcode];
    const constant = CONSTANTS[opcode];
    const unary = UNARY[opcode];
    if (binary) {
      const b = pop(stack);
      push(binary(pop(stack), b));
    } else if (constant) push(constant(reader));
    else if (unary) push(unary(pop(stack)));
    else if (opcode >= DW_OP.lit0 && opcode < DW_OP.reg0) push(BigInt(opcode - DW_OP.lit0));
    else if (opcode >= DW_OP.breg0 && opcode < DW_OP.regx)
      push(known(register(opcode - DW_OP.breg0)) + BigInt(reader.sleb()));
    else if (opcode === DW_OP.bregx) push(known(register(reader.uleb())) + BigInt(reader.sleb()));
    else if (opcode === DW_OP.addr) push(BigInt(reader.u64()) + BigInt(bias));
    else if (opcode === DW_OP.deref) push(load(memory, pop(stack), 8));
    else if (opcode === DW_OP.deref_size) push(load(memory, pop(stack), reader.u8()));
    else if (opcode === DW_OP.plus_uconst) push(pop(stack) + BigInt(reader.uleb()));
    else if (opcode === DW_OP.dup) push(pick(stack, 0));
    else if (opcode === DW_OP.drop) pop(stack);
    else if (opcode === DW_OP.over) push(pick(stack, 1));
    else if (opcode === DW_OP.pick) push(pick(stack, reader.u8()));
    else if (opcode === DW_OP.swap) {
      const top = pop(stack);
      stack.splice(-1, 0, top);
    } else if (opcode === DW_OP.rot) {
      const top = pop(stack);
      pick(stack, 1);
      stack.splice(-2, 0, top);
    } else if (opcode === DW_OP.skip || opcode === DW_OP.bra) {
      const distance = reader.i16();
      const to = reader.offset + distance;
      if (to < 0 || to > expression.length) throw malformed("an expression leaves itself");
      if (opcode === DW_OP.skip || pop(stack) !== 0n) reader = new DwarfReader(expression, to);
    } else if (opcode !== DW_OP.nop) throw malformed(`operation 0x${opcode.toString(16)} in an expression`);
  }
}
