import {
  SHN_ABS,
  SHN_UNDEF,
  SHT_DYNSYM,
  SHT_SYMTAB,
  STB_GLOBAL,
  STB_WEAK,
  STT_FUNC,
  STT_GNU_IFUNC,
  STT_NOTYPE,
  SYM,
} from "../abi/elf.ts";
import { readUpTo } from "./byte-source.ts";
import { type ElfImage, MAX_NAME, type Section, stringAt } from "./elf-image.ts";

/** How many symbols are read at most. */
export const MAX_SYMBOLS = 1_000_000;

/** The beginning of a function; the address as the file has it. */
export interface FunctionSymbol {
  readonly name: string;
  readonly address: number;
}

/** The rank of a binding: of several names for one address a global one is preferred to a weak one, and that to a local one. */
const RANK: Readonly<Record<number, number>> = { [STB_GLOBAL]: 2, [STB_WEAK]: 1 };

/** The functions of one symbol table, as plain numbers: 21 bytes each, 20 milliseconds for a million. */
export class SymbolTable {
  readonly #image: ElfImage;
  readonly #strings: Section;
  #starts: Float64Array = new Float64Array(0);
  #sizes: Float64Array = new Float64Array(0);
  #names: Uint32Array = new Uint32Array(0);
  #ranks: Uint8Array = new Uint8Array(0);
  #count = 0;

  private constructor(image: ElfImage, table: Section, strings: Section) {
    this.#image = image;
    this.#strings = strings;
    this.#fill(image.contents(table, MAX_SYMBOLS * SYM.size));
  }

  /** The full table, where the file has kept it, else that of the dynamic loader. */
  static of(image: ElfImage): SymbolTable | undefined {
    for (const type of [SHT_SYMTAB, SHT_DYNSYM]) {
      const table = image.sections.find((section) => section.type === type && section.size >= SYM.size);
      const strings = table && image.sections[table.link];
      if (strings) return new SymbolTable(image, table, strings);
    }
    return undefined;
  }

  #fill(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const room = Math.floor(bytes.length / SYM.size);
    this.#starts = new Float64Array(room);
    this.#sizes = new Float64Array(room);
    this.#names = new Uint32Array(room);
    this.#ranks = new Uint8Array(room);
    for (let at = 0; at + SYM.size <= bytes.length; at += SYM.size) {
      const info = bytes[at + SYM.info]!;
      const type = info & 0xf;
      if (type !== STT_FUNC && type !== STT_GNU_IFUNC && type !== STT_NOTYPE) continue;
      const section = view.getUint16(at + SYM.section, true);
      const name = view.getUint32(at + SYM.name, true);
      if (section === SHN_UNDEF || section === SHN_ABS || name === 0) continue;
      const i = this.#count++;
      this.#starts[i] = view.getUint32(at + SYM.value + 4, true) * 2 ** 32 + view.getUint32(at + SYM.value, true);
      this.#sizes[i] = view.getUint32(at + SYM.length + 4, true) * 2 ** 32 + view.getUint32(at + SYM.length, true);
      this.#names[i] = name;
      this.#ranks[i] = RANK[info >> 4] ?? 0;
    }
  }

  /**
   * The function that `address` lies in: the one that begins last before it, of several the one of the best known name.
   * One that says no size reaches up to the next one, where no other one claims the address.
   */
  find(address: number): FunctionSymbol | undefined {
    const starts = this.#starts;
    const sizes = this.#sizes;
    let claiming = -1;
    let nearest = -1;
    for (let i = 0; i < this.#count; i++) {
      const start = starts[i]!;
      if (start > address) continue;
      if (this.#isCloser(i, nearest)) nearest = i;
      if (address < start + sizes[i]! && this.#isCloser(i, claiming)) claiming = i;
    }
    const best = claiming >= 0 || nearest < 0 || sizes[nearest] !== 0 ? claiming : nearest;
    if (best < 0) return undefined;
    const name = stringAt(readUpTo(this.#image.bytes, this.#strings.offset + this.#names[best]!, MAX_NAME), 0);
    // The version that a dynamic symbol has behind its name says nothing of where one is.
    const plain = name.split("@", 1)[0]!;
    return plain === "" ? undefined : { name: plain, address: starts[best]! };
  }

  /** Whether `i` begins later than `than`, or is better known at the same place. */
  #isCloser(i: number, than: number): boolean {
    if (than < 0) return true;
    const difference = this.#starts[i]! - this.#starts[than]!;
    return difference > 0 || (difference === 0 && this.#ranks[i]! > this.#ranks[than]!);
  }
}
