import { DW_FORM, DW_LNCT } from "../abi/dwarf.ts";
import { DwarfReader, malformed } from "./dwarf-reader.ts";
import { stringAt } from "./elf-image.ts";

/** The sections that line number programs are made of. */
export interface LineSections {
  /** .debug_line */
  readonly programs: Uint8Array;
  /** .debug_line_str */
  readonly lineStrings: Uint8Array;
  /** .debug_str */
  readonly strings: Uint8Array;
}

/** What a line number program says of itself: DWARF 5, section 6.2.4. */
export interface LineHeader {
  readonly minimumInstruction: number;
  /** Whether rows begin a statement until the program says otherwise. */
  readonly isStatement: boolean;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** How many operands each standard opcode has; the first is that of opcode 1. */
  readonly operandCounts: readonly number[];
  /** Names by the number the program uses, with their directory where it is not the compilation's own. */
  readonly files: readonly (string | undefined)[];
  /** Where the program begins and ends in its section. */
  readonly begin: number;
  readonly end: number;
}

const MAX_FILES = 16 * 1024;

/** The header at byte `at` of .debug_line. EPROTO; `next` is where the next one would be, whatever this one is. */
export function readLineHeader(sections: LineSections, at: number): { next: number; header: LineHeader | undefined } {
  const size = new DwarfReader(sections.programs, at);
  const first = size.u32();
  const is64 = first === 0xffff_ffff;
  const length = is64 ? size.u64() : first;
  const end = size.offset + length;
  if (end > sections.programs.length) throw malformed("a line number program is longer than its section");
  try {
    return { next: end, header: readHeader(sections, size.offset, end, is64) };
  } catch {
    // Of a version or with a form that is not known; the ones behind it may be.
    return { next: end, header: undefined };
  }
}

function readHeader(sections: LineSections, at: number, end: number, is64: boolean): LineHeader {
  const reader = new DwarfReader(sections.programs.subarray(0, end), at);
  const version = reader.u16();
  if (version < 2 || version > 5) throw malformed(`line number program of version ${version}`);
  if (version === 5) reader.skip(2);
  const length = is64 ? reader.u64() : reader.u32();
  const begin = reader.offset + length;
  const minimumInstruction = reader.u8();
  if (version >= 4) reader.skip(1);
  const isStatement = reader.u8() !== 0;
  const lineBase = reader.i8();
  const lineRange = reader.u8();
  const opcodeBase = reader.u8();
  if (lineRange === 0 || opcodeBase === 0) throw malformed("a line number program divides by zero");
  const operandCounts = Array.from({ length: opcodeBase - 1 }, () => reader.u8());
  const files = version === 5 ? filesOf5(reader, sections, is64) : filesBefore5(reader);
  return { minimumInstruction, isStatement, lineBase, lineRange, opcodeBase, operandCounts, files, begin, end };
}

/** A name with its directory, unless it has one already. */
const join = (directory: string | undefined, name: string): string =>
  directory === undefined || directory === "" || name.startsWith("/") ? name : `${directory}/${name}`;

function filesBefore5(reader: DwarfReader): (string | undefined)[] {
  const directories: string[] = [""];
  for (let name = reader.cstring(); name !== ""; name = reader.cstring()) directories.push(name);
  const files: (string | undefined)[] = [undefined];
  for (let name = reader.cstring(); name !== "" && files.length < MAX_FILES; name = reader.cstring()) {
    files.push(join(directories[reader.uleb()], name));
    reader.uleb();
    reader.uleb();
  }
  return files;
}

function filesOf5(reader: DwarfReader, sections: LineSections, is64: boolean): string[] {
  const directories = entries(reader, sections, is64).map(({ name }) => name);
  // Directory 0 is the compilation's own: names in it are shown without.
  return entries(reader, sections, is64).map(({ name, directory }) =>
    join(directory === 0 ? undefined : directories[directory], name),
  );
}

function entries(reader: DwarfReader, sections: LineSections, is64: boolean): { name: string; directory: number }[] {
  const formats = Array.from({ length: reader.u8() }, () => ({ content: reader.uleb(), form: reader.uleb() }));
  const count = reader.uleb();
  if (count > MAX_FILES) throw malformed(`${count} files in a line number program`);
  const found: { name: string; directory: number }[] = [];
  for (let i = 0; i < count; i++) {
    const entry = { name: "", directory: 0 };
    for (const { content, form } of formats) {
      const value = readForm(reader, form, sections, is64);
      if (content === DW_LNCT.path) entry.name = String(value);
      else if (content === DW_LNCT.directory_index) entry.directory = Number(value);
    }
    found.push(entry);
  }
  return found;
}

function readForm(reader: DwarfReader, form: number, sections: LineSections, is64: boolean): string | number {
  switch (form) {
    case DW_FORM.string:
      return reader.cstring();
    case DW_FORM.line_strp:
      return stringAt(sections.lineStrings, is64 ? reader.u64() : reader.u32());
    case DW_FORM.strp:
      return stringAt(sections.strings, is64 ? reader.u64() : reader.u32());
    case DW_FORM.udata:
      return reader.uleb();
    case DW_FORM.data1:
      return reader.u8();
    case DW_FORM.data2:
      return reader.u16();
    case DW_FORM.data4:
      return reader.u32();
    case DW_FORM.data8:
      return reader.u64();
    case DW_FORM.data16:
      reader.skip(16);
      return 0;
    case DW_FORM.block:
      reader.skip(reader.uleb());
      return 0;
    default:
      throw malformed(`form 0x${form.toString(16)} in a line number program`);
  }
}
