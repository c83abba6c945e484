import type { Image, MemoryFile } from "../../core/space/ports.ts";
import type { Descriptor } from "./memory-file.ts";
import type { Size } from "./sizes.ts";
import type { PackedMap } from "./vma-codec.ts";

/** The first message of a reader thread: from here on the time of its answers counts. */
export const READER_READY = "ready";

/** To the thread: read the map of a process, or what its descriptor `fd` is, or else its image and memory files. */
export interface Wanted {
  readonly pid: number;
  readonly isMap: boolean;
  readonly fd?: number;
}

/** From the thread: the result, in the order of the requests. */
export type Found =
  /** `map` undefined: the process is gone. `ms`: how many milliseconds the read took. */
  | {
      readonly kind: "map";
      readonly pid: number;
      readonly size: Size;
      readonly map: PackedMap | undefined;
      readonly ms: number;
    }
  | {
      readonly kind: "process";
      readonly pid: number;
      readonly image: Image | undefined;
      readonly files: readonly MemoryFile[];
    }
  | { readonly kind: "descriptor"; readonly pid: number; readonly fd: number; readonly descriptor: Descriptor }
  /** The process could not be read. */
  | ({ readonly kind: "failed" } & Wanted);
