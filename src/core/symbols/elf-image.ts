import {
  EHDR,
  ELF_MAGIC,
  ELFCLASS64,
  ELFDATA2LSB,
  NOTE_OWNER_GNU,
  NT_GNU_BUILD_ID,
  PF_X,
  PHDR,
  PT_GNU_EH_FRAME,
  PT_LOAD,
  PT_NOTE,
  SHDR,
  SHF_COMPRESSED,
  SHT_NOBITS,
} from "../abi/elf.ts";
import { fromLatin1, latin1 } from "../base/text.ts";
import { BlockCache, type ByteSource, readExactly, readUpTo } from "./byte-source.ts";

/** A part of the file that is mapped as it is; sizes and offsets in bytes. */
export interface Segment {
  readonly offset: number;
  readonly address: number;
  readonly size: number;
  readonly executable: boolean;
}

export interface Section {
  readonly name: string;
  readonly type: number;
  /** Where it is mapped, 0 if it is not. */
  readonly address: number;
  readonly offset: number;
  readonly size: number;
  /** The section that this one refers to, by number. */
  readonly link: number;
}

/** How many headers of a file are read at most. */
const MAX_SEGMENTS = 256;
const MAX_SECTIONS = 4096;
const MAX_NAMES = 256 * 1024;
const MAX_NOTES = 64 * 1024;

/** A 64-bit little-endian ELF object, read as far as it is asked for. Addresses are those of the file, before it is moved. */
export class ElfImage implements ByteSource {
  readonly bytes: ByteSource;
  readonly segments: readonly Segment[];
  /** Address of .eh_frame_hdr. */
  readonly ehFrameHeader: number | undefined;
  /** Hexadecimal. */
  readonly buildId: string | undefined;
  readonly #header: DataView;
  #sections: readonly Section[] | undefined;

  private constructor(bytes: ByteSource, header: DataView) {
    this.bytes = bytes;
    this.#header = header;
    const size = header.getUint16(EHDR.phentsize, true);
    const count = size < PHDR.size ? 0 : Math.min(header.getUint16(EHDR.phnum, true), MAX_SEGMENTS);
    const table = viewOf(readUpTo(bytes, u64(header, EHDR.phoff), size * count));
    const segments: Segment[] = [];
    for (let at = 0; at + size <= table.byteLength && count > 0; at += size) {
      const type = table.getUint32(at + PHDR.type, true);
      const offset = u64(table, at + PHDR.offset);
      const address = u64(table, at + PHDR.vaddr);
      const length = u64(table, at + PHDR.filesz);
      const executable = (table.getUint32(at + PHDR.flags, true) & PF_X) !== 0;
      if (type === PT_LOAD) segments.push({ offset, address, size: length, executable });
      if (type === PT_GNU_EH_FRAME) this.ehFrameHeader = address;
      if (type === PT_NOTE) this.buildId ??= buildIdIn(readUpTo(bytes, offset, Math.min(length, MAX_NOTES)));
    }
    this.segments = segments;
  }

  /** Undefined for what is no such object. */
  static open(source: ByteSource): ElfImage | undefined {
    const bytes = new BlockCache(source);
    const header = readExactly(bytes, 0, EHDR.size);
    if (!header) return undefined;
    const view = viewOf(header);
    if (view.getUint32(0, true) !== ELF_MAGIC) return undefined;
    if (header[EHDR.class] !== ELFCLASS64 || header[EHDR.data] !== ELFDATA2LSB) return undefined;
    return new ElfImage(bytes, view);
  }

  /** Where a byte of the file's code is mapped; undefined for what is not mapped executable. */
  codeAddress(fileOffset: number): number | undefined {
    for (const { offset, address, size, executable } of this.segments) {
      if (executable && fileOffset >= offset && fileOffset < offset + size) return fileOffset - offset + address;
    }
    return undefined;
  }

  /** Reads by address what the file has for it. */
  read(address: number, into: Uint8Array): number {
    for (const segment of this.segments) {
      const within = address - segment.address;
      if (within < 0 || within >= segment.size) continue;
      return this.bytes.read(segment.offset + within, into.subarray(0, Math.min(into.length, segment.size - within)));
    }
    return 0;
  }

  /** Those with contents in the file, by number; compressed ones are left out as if they were not there. */
  get sections(): readonly Section[] {
    this.#sections ??= this.#readSections();
    return this.#sections;
  }

  section(name: string): Section | undefined {
    return this.sections.find((section) => section.name === name);
  }

  /** At most `most` bytes of a section. */
  contents({ offset, size }: Section, most: number): Uint8Array {
    return readUpTo(this.bytes, offset, Math.min(size, most));
  }

  #readSections(): Section[] {
    const size = this.#header.getUint16(EHDR.shentsize, true);
    const count = Math.min(this.#header.getUint16(EHDR.shnum, true), MAX_SECTIONS);
    if (size < SHDR.size) return [];
    const table = viewOf(readUpTo(this.bytes, u64(this.#header, EHDR.shoff), size * count));
    const found: (Section & { nameAt: number })[] = [];
    for (let at = 0; at + size <= table.byteLength; at += size) {
      const type = table.getUint32(at + SHDR.type, true);
      const compressed = (u64(table, at + SHDR.flags) & SHF_COMPRESSED) !== 0;
      found.push({
        name: "",
        nameAt: table.getUint32(at + SHDR.name, true),
        type,
        address: u64(table, at + SHDR.address),
        offset: u64(table, at + SHDR.offset),
        size: type === SHT_NOBITS || compressed ? 0 : u64(table, at + SHDR.length),
        link: table.getUint32(at + SHDR.link, true),
      });
    }
    const strings = found[this.#header.getUint16(EHDR.shstrndx, true)];
    const names = strings ? this.contents(strings, MAX_NAMES) : new Uint8Array(0);
    return found.map(({ nameAt, ...section }) => ({ ...section, name: stringAt(names, nameAt) }));
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Exact below 2^53. */
function u64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

/** How many bytes of a name are read at most. */
export const MAX_NAME = 1024;

/** One character a byte, up to the NUL; cut at a kilobyte. */
export function stringAt(bytes: Uint8Array, at: number): string {
  const part = bytes.subarray(at, at + MAX_NAME);
  const end = part.indexOf(0);
  return fromLatin1(end < 0 ? part : part.subarray(0, end));
}

const OWNER = latin1(NOTE_OWNER_GNU);

/** The build-id among the notes of a segment. */
function buildIdIn(notes: Uint8Array): string | undefined {
  const view = viewOf(notes);
  for (let at = 0; at + 12 <= notes.length; ) {
    const ownerSize = view.getUint32(at, true);
    const size = view.getUint32(at + 4, true);
    const contents = at + 12 + Math.ceil(ownerSize / 4) * 4;
    const isBuildId = view.getUint32(at + 8, true) === NT_GNU_BUILD_ID && ownerSize === OWNER.length;
    if (isBuildId && OWNER.every((byte, i) => notes[at + 12 + i] === byte)) {
      return [...notes.subarray(contents, contents + Math.min(size, 64))]
        .map((byte) => byte.toString(16).padStart(2, "0"))
        .join("");
    }
    at = contents + Math.ceil(size / 4) * 4;
  }
  return undefined;
}
