/** linux/auxvec.h: where the kernel's own code is mapped. */
export const AT_SYSINFO_EHDR = 33;

/** The program headers of the executable, where they are mapped, and how many. */
export const AT_PHDR = 3;
export const AT_PHNUM = 5;

/** The value of an entry of the auxiliary vector, as /proc/pid/auxv has it on a 64-bit machine; undefined without one. */
export function auxiliaryValue(vector: Uint8Array, type: number): number | undefined {
  const view = new DataView(vector.buffer, vector.byteOffset, vector.length);
  for (let at = 0; at + 16 <= vector.length; at += 16) {
    if (Number(view.getBigUint64(at, true)) === type) return Number(view.getBigUint64(at + 8, true));
  }
  return undefined;
}
