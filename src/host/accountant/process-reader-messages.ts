import type { Image, MemoryFile } from "../../core/notify/ports.ts";
import type { Size } from "./sizes.ts";
import type { PackedMap } from "./vma-codec.ts";

/** The first thing that a thread says which looks at processes: from here on it is in time, or held up. */
export const READER_READY = "ready";

/** To it: what is to be looked at, the map or the rest of what can keep it waiting. */
export interface Wanted {
  readonly pid: number;
  readonly isMap: boolean;
}

/** From it, in the order in which it was asked. */
export type Found =
  /** `map` undefined: the process is gone. It took so many milliseconds. */
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
  /** It could not be read. */
  | { readonly kind: "failed"; readonly pid: number; readonly isMap: boolean };
