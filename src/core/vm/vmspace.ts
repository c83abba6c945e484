import type { VmMap } from "./map.ts";
import type { SysvSegment } from "./sysv-shm.ts";

/** struct vmspace: an address space and how many processes share it. */
export class VmSpace {
  readonly map: VmMap;
  refCount = 1;
  /** The SysV segments attached, and the pages where they start; an munmap does not detach. */
  readonly attached: { readonly start: number; readonly segment: SysvSegment }[] = [];
  /** The heap: where it starts and its length in pages; brk(2) moves its end. */
  dataStart = 0;
  dataSize = 0;

  constructor(map: VmMap) {
    this.map = map;
  }
}
