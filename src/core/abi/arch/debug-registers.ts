/** Intel's manual, volume 3, 17.2: the debug registers of x86 as ptrace(2) shows them in struct user. */
export const DEBUG_REGISTERS = 8;
export const DEBUG_STATUS = 6;
export const DEBUG_CONTROL = 7;
/** Of the status, a bit for each address register that has matched. */
export const DEBUG_MATCHED = 0xf;

const WRITE = 0b01;
const READ_OR_WRITE = 0b11;
const LENGTH_BITS: Readonly<Record<number, number>> = { 1: 0b00, 2: 0b01, 4: 0b11, 8: 0b10 };

/** The control register that has the address registers, from the first on, watch so many bytes each; 1, 2, 4 or 8. */
export function debugControl(slots: readonly { readonly length: number; readonly access: "w" | "rw" }[]): number {
  return slots.reduce((control, { length, access }, i) => {
    const kind = (LENGTH_BITS[length]! << 2) | (access === "w" ? WRITE : READ_OR_WRITE);
    return control + 2 ** (2 * i) + kind * 2 ** (16 + 4 * i);
  }, 0);
}
