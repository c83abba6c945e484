import { Errno } from "../base/errno.ts";

const PAIRS: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += PAIRS[byte]!;
  return text;
}

/** The value of a hexadecimal digit by its code; -1 for what is none. */
function digit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}

/** EINVAL for what is no whole number of bytes. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) throw new Errno("EINVAL", `${text.length} hexadecimal digits are no whole bytes`);
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const high = digit(text.charCodeAt(2 * i));
    const low = digit(text.charCodeAt(2 * i + 1));
    if (high < 0 || low < 0) throw new Errno("EINVAL", "what should be hexadecimal is not");
    bytes[i] = high * 16 + low;
  }
  return bytes;
}

/** Text, one character a byte, as the digits of its bytes. */
export function hexOfText(text: string): string {
  let digits = "";
  for (let i = 0; i < text.length; i++) digits += PAIRS[text.charCodeAt(i) & 0xff]!;
  return digits;
}

/** One character a byte. EINVAL. */
export function textOfHex(digits: string): string {
  let text = "";
  for (const byte of fromHex(digits)) text += String.fromCharCode(byte);
  return text;
}

/** A number in hexadecimal: exact below 2^53, else only large. EINVAL. */
export function hexNumber(text: string): number {
  if (!/^[0-9a-f]{1,16}$/i.test(text)) throw new Errno("EINVAL", `${JSON.stringify(text.slice(0, 40))} is no number`);
  return Number.parseInt(text, 16);
}
