import { DW_EH_PE } from "../abi/dwarf.ts";
import { readUpTo } from "./byte-source.ts";
import { DwarfReader, malformed } from "./dwarf-reader.ts";
import type { ElfImage } from "./elf-image.ts";

/** A common information entry: what many functions have in common. */
export interface CommonEntry {
  readonly codeFactor: number;
  readonly dataFactor: number;
  /** DWARF number of the column that holds the return address. */
  readonly returnColumn: number;
  readonly pointerEncoding: number;
  readonly isSignalFrame: boolean;
  readonly hasAugmentation: boolean;
  readonly instructions: Uint8Array;
}

/** How to leave one function: addresses as the file has them. */
export interface FrameEntry {
  readonly common: CommonEntry;
  readonly start: number;
  readonly end: number;
  readonly instructions: Uint8Array;
  /** What pointers within the instructions are relative to: the address of their first byte. */
  readonly instructionsAt: number;
}

/** Bytes of an entry that are looked at: real ones have hundreds. */
const MAX_ENTRY = 32 * 1024;
const HEADER_VERSION = 1;
/** What every linker writes: pairs of 32-bit offsets from the header. */
const TABLE_ENCODING = DW_EH_PE.datarel | DW_EH_PE.sdata4;
const ROW = 8;

/** Where the entries of an object are, in the order of the functions they are about. */
interface Index {
  readonly count: number;
  /** The beginning of a function and the address of its entry. */
  row(i: number): { readonly start: number; readonly entry: number } | undefined;
}

/** Entries that are looked at to make an index where the linker has made none, as in static programs: some 100 milliseconds. */
const MAX_SCANNED = 32 * 1024;

/** The .eh_frame of an object. */
export class CallFrames {
  readonly #image: ElfImage;
  readonly #commons = new Map<number, CommonEntry>();
  readonly #index: Index;

  /** EPROTO. */
  constructor(image: ElfImage) {
    this.#image = image;
    this.#index = linkedIndex(image) ?? this.#scan();
  }

  /** The entry of the function that `address` lies in. EPROTO. */
  find(address: number): FrameEntry | undefined {
    let low = 0;
    let high = this.#index.count;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const start = this.#index.row(middle)?.start;
      if (start === undefined) return undefined;
      if (start <= address) low = middle + 1;
      else high = middle;
    }
    const row = low === 0 ? undefined : this.#index.row(low - 1);
    const entry = row && this.#entryAt(row.entry);
    return entry && address >= entry.start && address < entry.end ? entry : undefined;
  }

  #scan(): Index {
    const rows: { start: number; entry: number }[] = [];
    const section = this.#image.section(".eh_frame");
    const end = section ? section.address + section.size : 0;
    for (let at = section?.address ?? 0, seen = 0; at < end && seen < MAX_SCANNED; seen++) {
      const head = new DwarfReader(readUpTo(this.#image, at, 8));
      const length = head.u32();
      // A length of 0 ends the entries of one part of the program.
      if (length > MAX_ENTRY) break;
      if (length > 0 && head.u32() !== 0) rows.push({ start: this.#entryAt(at).start, entry: at });
      at += 4 + length;
    }
    rows.sort((a, b) => a.start - b.start);
    return { count: rows.length, row: (i) => rows[i] };
  }

  /** The bytes of an entry behind its length, and the address of the first. */
  #body(at: number): { bytes: Uint8Array; address: number } {
    const head = new DwarfReader(readUpTo(this.#image, at, 12));
    let length = head.u32();
    if (length === 0xffff_ffff) length = head.u64();
    if (length === 0 || length > MAX_ENTRY) throw malformed(`a call frame entry of ${length} bytes`);
    const address = at + head.offset;
    return { bytes: readUpTo(this.#image, address, length), address };
  }

  #entryAt(at: number): FrameEntry {
    const { bytes, address } = this.#body(at);
    const reader = new DwarfReader(bytes);
    const common = this.#commonAt(address - reader.u32());
    const start = reader.pointer(common.pointerEncoding, address, 0);
    const end = start + reader.pointer(common.pointerEncoding & 0x0f, address, 0);
    if (common.hasAugmentation) reader.skip(reader.uleb());
    const instructionsAt = address + reader.offset;
    return { common, start, end, instructions: reader.bytes(reader.remaining), instructionsAt };
  }

  #commonAt(at: number): CommonEntry {
    let common = this.#commons.get(at);
    if (!common) {
      const { bytes, address } = this.#body(at);
      common = parseCommon(new DwarfReader(bytes), address);
      if (this.#commons.size < 1024) this.#commons.set(at, common);
    }
    return common;
  }
}

/** The table that the linker has made, .eh_frame_hdr; undefined where there is none, or one of another form. EPROTO. */
function linkedIndex(image: ElfImage): Index | undefined {
  const header = image.ehFrameHeader;
  if (header === undefined) return undefined;
  const reader = new DwarfReader(readUpTo(image, header, 32));
  const version = reader.u8();
  const frameEncoding = reader.u8();
  const countEncoding = reader.u8();
  if (reader.u8() !== TABLE_ENCODING || version !== HEADER_VERSION) return undefined;
  reader.pointer(frameEncoding, header, header);
  const count = reader.pointer(countEncoding, header, header);
  const table = header + reader.offset;
  return {
    count,
    row: (i) => {
      const bytes = readUpTo(image, table + i * ROW, ROW);
      if (bytes.length < ROW) return undefined;
      const view = new DataView(bytes.buffer, bytes.byteOffset, ROW);
      return { start: header + view.getInt32(0, true), entry: header + view.getInt32(4, true) };
    },
  };
}

function parseCommon(reader: DwarfReader, address: number): CommonEntry {
  if (reader.u32() !== 0) throw malformed("a function refers to what is no common entry");
  const version = reader.u8();
  if (version !== 1 && version !== 3) throw malformed(`call frame information of version ${version}`);
  const augmentation = reader.cstring();
  const codeFactor = reader.uleb();
  const dataFactor = reader.sleb();
  const returnColumn = version === 1 ? reader.u8() : reader.uleb();
  let pointerEncoding: number = DW_EH_PE.absptr;
  let isSignalFrame = false;
  const hasAugmentation = augmentation.startsWith("z");
  const end = hasAugmentation ? reader.uleb() + reader.offset : reader.offset;
  for (const letter of hasAugmentation ? augmentation.slice(1) : augmentation) {
    if (letter === "R") pointerEncoding = reader.u8();
    else if (letter === "P") reader.pointer(reader.u8() & ~DW_EH_PE.indirect, address, 0);
    else if (letter === "L") reader.u8();
    else if (letter === "S") isSignalFrame = true;
    else if (letter !== "B") break;
  }
  if (end < reader.offset) throw malformed("an augmentation is longer than it says");
  reader.skip(end - reader.offset);
  const instructions = reader.bytes(reader.remaining);
  return { codeFactor, dataFactor, returnColumn, pointerEncoding, isSignalFrame, hasAugmentation, instructions };
}
