/**
 * The tag word of the x87: two bits a register for a debugger, one in FXSAVE, where the register's contents say the rest. Intel's manual,
 * volume 1, 8.1.7 and 10.5.1.1.
 */
const VALID = 0;
const ZERO = 1;
const SPECIAL = 2;
const EMPTY = 3;

/** Offsets in FXSAVE: the status word, whose bits 11 to 13 are the top of the stack, and the registers, 16 bytes each from the top on. */
const STATUS = 2;
const STACK = 32;

function tagOf(bytes: Uint8Array): number {
  const exponent = bytes[8]! | ((bytes[9]! & 0x7f) << 8);
  const fraction = bytes.subarray(0, 8);
  if (exponent === 0x7fff) return SPECIAL;
  if (exponent === 0) return fraction.every((byte) => byte === 0) ? ZERO : SPECIAL;
  return (fraction[7]! & 0x80) !== 0 ? VALID : SPECIAL;
}

/** The whole tag word; `floating` is the FXSAVE image. */
export function expandTags(abridged: number, floating: Uint8Array): number {
  const top = (floating[STATUS + 1]! >> 3) & 7;
  let word = 0;
  for (let physical = 0; physical < 8; physical++) {
    const at = STACK + 16 * ((physical + 8 - top) % 8);
    const tag = (abridged >> physical) & 1 ? tagOf(floating.subarray(at, at + 10)) : EMPTY;
    word |= tag << (2 * physical);
  }
  return word;
}

/** A bit for each register that is not empty. */
export function abridgeTags(word: number): number {
  let bits = 0;
  for (let i = 0; i < 8; i++) if (((word >> (2 * i)) & 3) !== EMPTY) bits |= 1 << i;
  return bits;
}
