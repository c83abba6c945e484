import { DW_LNE, DW_LNS } from "../abi/dwarf.ts";
import { DwarfReader } from "./dwarf-reader.ts";
import type { ElfImage } from "./elf-image.ts";
import { type LineHeader, type LineSections, readLineHeader } from "./line-header.ts";

export interface SourceLine {
  /** As the compiler was given it. */
  readonly file: string;
  readonly line: number;
}

/** A piece of code without gaps, and the program that tells its lines. */
interface Sequence {
  readonly start: number;
  readonly end: number;
  readonly header: LineHeader;
}

/** How many bytes of line number programs are read at most, so that a search takes some tens of milliseconds at most. */
const MAX_PROGRAMS = 4 * 1024 * 1024;
const MAX_STRINGS = 4 * 1024 * 1024;
const MAX_SEQUENCES = 100_000;

/** Which line of the source an instruction comes from: .debug_line of DWARF 2 to 5. */
export class LineTable {
  readonly #sections: LineSections;
  readonly #sequences: Sequence[] = [];

  private constructor(sections: LineSections) {
    this.#sections = sections;
    let at = 0;
    while (at < sections.programs.length && this.#sequences.length < MAX_SEQUENCES) {
      const { next, header } = readLineHeader(sections, at);
      if (header) this.#collect(header);
      at = next;
    }
  }

  /** Undefined for a file without lines. */
  static of(image: ElfImage): LineTable | undefined {
    const part = (name: string, most: number): Uint8Array => {
      const section = image.section(name);
      return section ? image.contents(section, most) : new Uint8Array(0);
    };
    const programs = part(".debug_line", MAX_PROGRAMS);
    if (programs.length === 0) return undefined;
    const lineStrings = part(".debug_line_str", MAX_STRINGS);
    return new LineTable({ programs, lineStrings, strings: part(".debug_str", MAX_STRINGS) });
  }

  find(address: number): SourceLine | undefined {
    for (const { start, end, header } of this.#sequences) {
      if (address < start || address >= end) continue;
      const line = this.#lineAt(header, address);
      if (line) return line;
    }
    return undefined;
  }

  /**
   * The first instruction of a line, or where no code comes from that of the next line which has some. `file` is the end of the
   * path, as `counter.c` or `src/counter.c`. Undefined where the file is not known, or has no such line.
   */
  addressOf(file: string, line: number): number | undefined {
    let best: { readonly line: number; readonly address: number } | undefined;
    for (const header of new Set(this.#sequences.map((sequence) => sequence.header))) {
      const wanted = header.files.map((name) => name !== undefined && isNamed(name, file));
      if (!wanted.includes(true)) continue;
      runProgram(this.#sections.programs, header, (row) => {
        const fits = wanted[row.file] === true && row.line >= line && row.isStatement && !row.endsSequence;
        if (!fits || row.address === 0) return true;
        const isBetter = !best || row.line < best.line || (row.line === best.line && row.address < best.address);
        if (isBetter) best = { line: row.line, address: row.address };
        return true;
      });
    }
    return best?.address;
  }

  #collect(header: LineHeader): void {
    let start = -1;
    runProgram(this.#sections.programs, header, (row) => {
      if (start < 0) start = row.address;
      if (!row.endsSequence) return true;
      // What the linker has thrown away begins at 0.
      if (start > 0 && row.address > start) this.#sequences.push({ start, end: row.address, header });
      start = -1;
      return this.#sequences.length < MAX_SEQUENCES;
    });
  }

  #lineAt(header: LineHeader, address: number): SourceLine | undefined {
    let before: Row | undefined;
    let found: SourceLine | undefined;
    runProgram(this.#sections.programs, header, (row) => {
      if (before && address >= before.address && address < row.address) {
        const file = header.files[before.file];
        if (file !== undefined && before.line > 0) found = { file, line: before.line };
        return false;
      }
      before = row.endsSequence ? undefined : { ...row };
      return true;
    });
    return found;
  }
}

const isNamed = (path: string, end: string): boolean => path === end || path.endsWith(`/${end}`);

interface Row {
  address: number;
  file: number;
  line: number;
  /** A debugger stops here for the line: not in the middle of a statement that was torn apart. */
  isStatement: boolean;
  endsSequence: boolean;
}

/** Carries out a program, row by row, until `take` has enough; what is malformed ends it. `take` gets the same object each time. */
function runProgram(programs: Uint8Array, header: LineHeader, take: (row: Row) => boolean): void {
  const { minimumInstruction, lineBase, lineRange, opcodeBase, operandCounts } = header;
  const reader = new DwarfReader(programs.subarray(0, header.end), header.begin);
  const fresh: Row = { address: 0, file: 1, line: 1, isStatement: header.isStatement, endsSequence: false };
  const row = { ...fresh };
  const constantStep = Math.floor((255 - opcodeBase) / lineRange) * minimumInstruction;
  while (reader.remaining > 0) {
    const opcode = reader.u8();
    if (opcode >= opcodeBase) {
      const special = opcode - opcodeBase;
      row.address += Math.floor(special / lineRange) * minimumInstruction;
      row.line += lineBase + (special % lineRange);
      if (!take(row)) return;
    } else if (opcode === 0) {
      const length = reader.uleb();
      const end = reader.offset + length;
      const extended = length === 0 ? 0 : reader.u8();
      if (extended === DW_LNE.set_address && length === 9) row.address = reader.u64();
      else if (extended === DW_LNE.end_sequence) {
        row.endsSequence = true;
        if (!take(row)) return;
        Object.assign(row, fresh);
      }
      reader.skip(end - reader.offset);
    } else if (opcode === DW_LNS.copy) {
      if (!take(row)) return;
    } else if (opcode === DW_LNS.advance_pc) row.address += reader.uleb() * minimumInstruction;
    else if (opcode === DW_LNS.advance_line) row.line += reader.sleb();
    else if (opcode === DW_LNS.set_file) row.file = reader.uleb();
    else if (opcode === DW_LNS.negate_stmt) row.isStatement = !row.isStatement;
    else if (opcode === DW_LNS.const_add_pc) row.address += constantStep;
    else if (opcode === DW_LNS.fixed_advance_pc) row.address += reader.u16();
    else for (let i = operandCounts[opcode - 1]!; i > 0; i--) reader.uleb();
  }
}
