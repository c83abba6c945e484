import type { Image, MemoryFile } from "../../core/space/ports.ts";
import type { Size } from "./sizes.ts";
import type { PackedMap } from "./vma-codec.ts";

/** The first message of a reader thread: from here on the time of its answers counts. */
export const READER_READY = "ready";

/** To the thread: read the map of a process, or else its image and memory files. */
export interface Wanted {
  readonly pid: number;
  readonly isMap: boolean;
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
  /** The process could not be read. */
  | { readonly kind: "failed"; readonly pid: number; readonly isMap: boolean };
