import { type MapsEntry, parseNamedMaps } from "../../core/abi/text/smaps.ts";
import { fromLatin1 } from "../../core/base/text.ts";
import type { Process } from "../../core/procfs/ports.ts";
import type { LoadedModule } from "../../core/symbols/modules.ts";

/** Finds the bytes of a mapped file. */
type FindFile = (path: string, device: string, inode: number) => LoadedModule["bytes"];

/** Processes whose maps are kept: as long as a map can be, many are no longer small. */
const KEPT = 8;

interface Known {
  readonly maps: Uint8Array;
  readonly entries: readonly MapsEntry[];
}

/** The files that processes have mapped: what the kernel says of it is parsed once for as long as it says the same, of the last few. */
export class MappedModules {
  /** Who was asked about last comes last. */
  readonly #known = new Map<Process, Known>();

  /** `maps` are the bytes of /proc/PID/maps. A module finds its file when that is asked for: most are not. */
  of(process: Process, maps: Uint8Array, find: FindFile): readonly LoadedModule[] {
    let known = this.#known.get(process);
    if (!known || Buffer.compare(known.maps, maps) !== 0) {
      const named = parseNamedMaps(fromLatin1(maps));
      known = { maps, entries: named.filter(({ path, inode }) => inode !== 0 || path === "[vdso]") };
    }
    this.#known.delete(process);
    this.#known.set(process, known);
    if (this.#known.size > KEPT) this.#known.delete(this.#known.keys().next().value!);
    return known.entries.map((entry) => new MappedModule(entry, () => find(entry.path, entry.device, entry.inode)));
  }
}

class MappedModule implements LoadedModule {
  readonly start: number;
  readonly end: number;
  readonly fileOffset: number;
  readonly path: string;
  readonly #find: () => LoadedModule["bytes"];
  #bytes: LoadedModule["bytes"] | null = null;

  constructor({ start, end, offset, path, inode }: MapsEntry, find: () => LoadedModule["bytes"]) {
    this.start = start;
    this.end = end;
    this.fileOffset = offset;
    this.path = path;
    this.#find = inode === 0 ? () => undefined : find;
  }

  get bytes(): LoadedModule["bytes"] {
    if (this.#bytes === null) this.#bytes = this.#find();
    return this.#bytes;
  }
}
