import { isErrno } from "../base/errno.ts";
import type { ByteSource } from "./byte-source.ts";
import { CallFrames } from "./call-frame.ts";
import { ElfImage, stringAt } from "./elf-image.ts";
import { type FrameRules, rulesAt } from "./frame-rules.ts";
import { LineTable, type SourceLine } from "./line-table.ts";
import { type NamedSymbol, symbolNamed } from "./named-symbol.ts";
import { type FunctionSymbol, SymbolTable } from "./symbol-table.ts";

/** How to leave the function at an address. */
export interface Leaving {
  readonly rules: FrameRules;
  readonly returnColumn: number;
  readonly isSignalFrame: boolean;
}

/** Function, line and so on of one place in the code. Addresses are those of the file. */
export interface Place {
  readonly symbol: FunctionSymbol | undefined;
  readonly line: SourceLine | undefined;
}

type FindDebugBytes = (buildId: string | undefined, link: string | undefined) => ByteSource | undefined;

const MAX_LINK = 1024;
/** How many answers of each kind are cached. */
const MAX_KEPT = 4096;

/**
 * The symbols, lines and call frame information of one ELF object, read when they are first needed and cached. A malformed part is treated
 * as missing: a hostile file costs its readers a bounded time.
 */
export class ModuleSymbols {
  readonly image: ElfImage;
  readonly #debug: () => ElfImage | undefined;
  #names: ElfImage | undefined;
  #frames: CallFrames | undefined | null = null;
  #symbols: SymbolTable | undefined | null = null;
  #lines: LineTable | undefined | null = null;
  readonly #leaving = new Map<number, Leaving | undefined>();
  readonly #places = new Map<number, Place>();

  /** `debug` finds the file that has what was stripped off this one. */
  private constructor(image: ElfImage, debug: () => ElfImage | undefined) {
    this.image = image;
    this.#debug = debug;
  }

  /** Undefined for bytes that are no ELF object. */
  static open(bytes: ByteSource, debug: FindDebugBytes = () => undefined): ModuleSymbols | undefined {
    const image = ElfImage.open(bytes);
    if (!image) return undefined;
    return new ModuleSymbols(image, () => {
      const link = image.section(".gnu_debuglink");
      const bytes = debug(image.buildId, link && stringAt(image.contents(link, MAX_LINK), 0));
      const found = bytes && ElfImage.open(bytes);
      // A file with another build-id has other addresses: it would name the wrong functions.
      return found?.buildId === image.buildId ? found : undefined;
    });
  }

  /** Undefined where nothing is said about `address`. */
  leaving(address: number): Leaving | undefined {
    return kept(this.#leaving, address, () => unlessMalformed(() => this.#findLeaving(address)));
  }

  place(address: number): Place {
    return kept(this.#places, address, () => ({
      symbol: unlessMalformed(() => this.#symbolTable()?.find(address)),
      line: unlessMalformed(() => this.#lineTable()?.find(address)),
    }));
  }

  /** A function or a variable; undefined where the file does not name it. */
  named(name: string): NamedSymbol | undefined {
    return unlessMalformed(() => symbolNamed(this.#named(), name));
  }

  /** As {@link LineTable.addressOf}. */
  addressOf(file: string, line: number): number | undefined {
    return unlessMalformed(() => this.#lineTable()?.addressOf(file, line));
  }

  #findLeaving(address: number): Leaving | undefined {
    if (this.#frames === null) this.#frames = unlessMalformed(() => new CallFrames(this.image));
    const entry = this.#frames?.find(address);
    if (!entry) return undefined;
    const { returnColumn, isSignalFrame } = entry.common;
    return { rules: rulesAt(entry, address), returnColumn, isSignalFrame };
  }

  #symbolTable(): SymbolTable | undefined {
    if (this.#symbols === null) this.#symbols = unlessMalformed(() => SymbolTable.of(this.#named()));
    return this.#symbols;
  }

  #lineTable(): LineTable | undefined {
    if (this.#lines === null) this.#lines = unlessMalformed(() => LineTable.of(this.#named()));
    return this.#lines;
  }

  /** The file with the names: this one where it was not stripped. */
  #named(): ElfImage {
    this.#names ??= this.image.section(".symtab") ? this.image : (this.#debug() ?? this.image);
    return this.#names;
  }
}

function kept<T>(answers: Map<number, T>, key: number, find: () => T): T {
  const known = answers.get(key);
  if (known !== undefined || answers.has(key)) return known as T;
  if (answers.size >= MAX_KEPT) answers.clear();
  const found = find();
  answers.set(key, found);
  return found;
}

function unlessMalformed<T>(find: () => T | undefined): T | undefined {
  try {
    return find();
  } catch (error) {
    if (isErrno(error, "EPROTO")) return undefined;
    throw error;
  }
}
