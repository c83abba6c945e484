import { SHN_ABS, SHN_UNDEF, SHT_DYNSYM, SHT_SYMTAB, STB_GLOBAL, STB_WEAK, STT_TLS, SYM } from "../abi/elf.ts";
import { latin1 } from "../base/text.ts";
import { type ElfImage, MAX_NAME } from "./elf-image.ts";
import { MAX_SYMBOLS } from "./symbol-table.ts";

/** Names beyond these bytes are not looked at. */
const MAX_STRINGS = 32 * 1024 * 1024;
/** A name that is behind so many others as their end is none that somebody asks for. */
const MAX_PLACES = 1024;

/** A function or a variable; the address as the file has it. */
export interface NamedSymbol {
  readonly address: number;
  /** Bytes; 0 where the file does not say. */
  readonly size: number;
}

const NUL = 0;
const AT = 0x40;
/** Of several of one name: what a program links against comes first. */
const RANK: Readonly<Record<number, number>> = { [STB_GLOBAL]: 2, [STB_WEAK]: 1 };

/** Where `name` begins among strings that end with NUL; as the end of a longer one, too, with which the linker lets it share its bytes. */
function placesOf(name: Uint8Array, strings: Uint8Array): Set<number> {
  const places = new Set<number>();
  const first = name[0]!;
  for (let at = strings.indexOf(first); at >= 0 && places.size < MAX_PLACES; at = strings.indexOf(first, at + 1)) {
    const end = strings[at + name.length];
    if (end !== NUL && end !== AT) continue;
    if (name.every((byte, i) => strings[at + i] === byte)) places.add(at);
  }
  return places;
}

/** The symbol of that name: of the full table where the file has kept it, else of the dynamic loader's. Undefined where there is none. */
export function symbolNamed(image: ElfImage, name: string): NamedSymbol | undefined {
  if (name === "" || name.length > MAX_NAME) return undefined;
  for (const type of [SHT_SYMTAB, SHT_DYNSYM]) {
    const table = image.sections.find((section) => section.type === type && section.size >= SYM.size);
    const strings = table && image.sections[table.link];
    if (!strings) continue;
    const places = placesOf(latin1(name), image.contents(strings, MAX_STRINGS));
    return places.size === 0 ? undefined : bestOf(image.contents(table, MAX_SYMBOLS * SYM.size), places);
  }
  return undefined;
}

function bestOf(bytes: Uint8Array, places: ReadonlySet<number>): NamedSymbol | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const word = (at: number): number => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  let best: NamedSymbol | undefined;
  let bestRank = -1;
  for (let at = 0; at + SYM.size <= bytes.length; at += SYM.size) {
    if (!places.has(view.getUint32(at + SYM.name, true))) continue;
    const section = view.getUint16(at + SYM.section, true);
    const info = bytes[at + SYM.info]!;
    // A thread's own variable has no address before there is the thread.
    if (section === SHN_UNDEF || section === SHN_ABS || (info & 0xf) === STT_TLS) continue;
    const rank = RANK[info >> 4] ?? 0;
    if (rank <= bestRank) continue;
    bestRank = rank;
    best = { address: word(at + SYM.value), size: word(at + SYM.length) };
  }
  return best;
}
