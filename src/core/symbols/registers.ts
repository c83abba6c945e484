import type { Arch } from "../abi/arch/arch.ts";

/** The general register set of a thread, in the kernel's layout. */
export interface Registers {
  readonly arch: Arch;
  readonly bytes: Uint8Array;
}

/** Values by DWARF number, undefined where nothing is known; exact below 2^53, which addresses are. */
export type RegisterValues = (number | undefined)[];

/** Where each register is in the kernel's layout, by DWARF number. */
const places = new WeakMap<Arch, readonly number[]>();

function placesIn(arch: Arch): readonly number[] {
  let found = places.get(arch);
  if (!found) {
    found = arch.dwarf.registers.map((name) => 8 * arch.registers.indexOf(name));
    places.set(arch, found);
  }
  return found;
}

/** What the registers hold. Signatures above a return address are removed. */
export function registerValues({ arch, bytes }: Registers): RegisterValues {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { linkRegister, addressBits } = arch.dwarf;
  return placesIn(arch).map((at, number) => {
    if (at + 8 > bytes.length) return undefined;
    const high = view.getUint32(at + 4, true);
    return (number === linkRegister ? high % 2 ** (addressBits - 32) : high) * 2 ** 32 + view.getUint32(at, true);
  });
}
