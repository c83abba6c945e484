import type { CallInstructions } from "../abi/arch/arch.ts";

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** How many bytes the instruction at the beginning of `code` has, if it is a call; undefined for any other, and where there are too few bytes. */
export function callLength(code: Uint8Array, calls: CallInstructions): number | undefined {
  if (calls === "x86") return x86CallLength(code);
  if (code.length < 4) return undefined;
  const word = viewOf(code).getUint32(0, true);
  return calls.some(({ mask, value }) => (word & mask) >>> 0 === value) ? 4 : undefined;
}

/** Prefixes that may stand before a call: segment, operand size, address size, BND, NOTRACK; and REX. */
const isPrefix = (byte: number): boolean =>
  [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf2, 0xf3].includes(byte) || (byte & 0xf0) === 0x40;

/** Intel's manual, volume 2, CALL: E8 with a displacement, FF /2 and FF /3 with ModR/M, and SIB and a displacement where that says so. */
function x86CallLength(code: Uint8Array): number | undefined {
  let at = 0;
  while (at < code.length && isPrefix(code[at]!)) at++;
  const [opcode, modrm = 0, sib = 0] = code.subarray(at);
  const ends = (length: number): number | undefined => (at + length <= code.length ? at + length : undefined);
  if (opcode === 0xe8) return ends(5);
  const operation = (modrm >> 3) & 7;
  if (opcode !== 0xff || (operation !== 2 && operation !== 3)) return undefined;
  const mode = modrm >> 6;
  const base = modrm & 7;
  if (mode === 3) return ends(2);
  const hasSib = base === 4;
  const isAbsolute = mode === 0 && (base === 5 || (hasSib && (sib & 7) === 5));
  return ends(2 + (hasSib ? 1 : 0) + (isAbsolute || mode === 2 ? 4 : mode));
}
