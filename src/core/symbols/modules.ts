import type { ByteSource } from "./byte-source.ts";
import { ModuleSymbols } from "./module-symbols.ts";

/** A piece of a file as it is mapped: `bytes` are those of the file, undefined where it cannot be read. */
export interface LoadedModule {
  readonly start: number;
  readonly end: number;
  readonly fileOffset: number;
  readonly path: string;
  readonly bytes: ByteSource | undefined;
}

/** A stripped file, and how it names the file with its symbols. */
export interface DebugFileWanted {
  readonly path: string;
  readonly buildId: string | undefined;
  /** The name in .gnu_debuglink. */
  readonly link: string | undefined;
}

/** Finds the bytes of the file with the symbols. A file with another build-id is not used. */
export type FindDebugFile = (wanted: DebugFileWanted) => ByteSource | undefined;

/** A place in a module. */
export interface Located {
  readonly module: LoadedModule;
  /** Undefined where neither the file nor its memory is an ELF object. */
  readonly symbols: ModuleSymbols | undefined;
  /** The address in the file. */
  readonly address: number;
  /** The load bias: what is added to an address of the file. */
  readonly bias: number;
}

/** The symbols of each buffer, analysed once and kept as long as the buffer. */
const known = new WeakMap<ByteSource, ModuleSymbols | { readonly none: true }>();

function symbolsOf(bytes: ByteSource, path: string, find: FindDebugFile | undefined): ModuleSymbols | undefined {
  let symbols = known.get(bytes);
  if (!symbols) {
    symbols = ModuleSymbols.open(bytes, (buildId, link) => find?.({ path, buildId, link })) ?? { none: true };
    known.set(bytes, symbols);
  }
  return symbols instanceof ModuleSymbols ? symbols : undefined;
}

/** The modules of one process by address. */
export class ModuleMap {
  readonly #modules: readonly LoadedModule[];
  readonly #memory: ByteSource;
  /** By path: modules whose files cannot be read, as far as they are in memory. */
  readonly #mapped = new Map<string, ByteSource>();

  readonly #findDebug: FindDebugFile | undefined;

  constructor(modules: readonly LoadedModule[], memory: ByteSource, findDebug: FindDebugFile | undefined) {
    this.#findDebug = findDebug;
    this.#modules = [...modules].sort((a, b) => a.start - b.start);
    this.#memory = memory;
  }

  find(address: number): LoadedModule | undefined {
    let low = 0;
    let high = this.#modules.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#modules[middle]!.start <= address) low = middle + 1;
      else high = middle;
    }
    const module = this.#modules[low - 1];
    return module && address < module.end ? module : undefined;
  }

  /** Each object once, as its code is mapped, from the lowest address on: the program comes before its libraries. */
  *objects(): Generator<{ readonly symbols: ModuleSymbols; readonly bias: number }> {
    const seen = new Set<string>();
    for (const { start, path } of this.#modules) {
      if (seen.has(path)) continue;
      const located = this.locate(start);
      if (!located?.symbols) continue;
      seen.add(path);
      yield { symbols: located.symbols, bias: located.bias };
    }
  }

  locate(address: number): Located | undefined {
    const module = this.find(address);
    if (!module) return undefined;
    const symbols = symbolsOf(module.bytes ?? this.#inMemory(module), module.path, this.#findDebug);
    const inFile = symbols?.image.codeAddress(address - module.start + module.fileOffset);
    if (inFile === undefined) return { module, symbols: undefined, address, bias: 0 };
    return { module, symbols, address: inFile, bias: address - inFile };
  }

  /** The file as far as it is mapped: its headers and its call frames are. */
  #inMemory({ path }: LoadedModule): ByteSource {
    let bytes = this.#mapped.get(path);
    if (!bytes) {
      const pieces = this.#modules.filter((module) => module.path === path);
      bytes = { read: (at, into) => readPieces(pieces, this.#memory, at, into) };
      this.#mapped.set(path, bytes);
    }
    return bytes;
  }
}

function readPieces(pieces: readonly LoadedModule[], memory: ByteSource, at: number, into: Uint8Array): number {
  for (const { start, end, fileOffset } of pieces) {
    const within = at - fileOffset;
    const room = end - start - within;
    if (within >= 0 && room > 0) return memory.read(start + within, into.subarray(0, Math.min(into.length, room)));
  }
  return 0;
}
