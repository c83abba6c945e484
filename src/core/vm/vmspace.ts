import type { VmMap } from "./map.ts";
import type { SysvSegment } from "./sysv-shm.ts";

/** struct vmspace: an address space and those who share it. */
export class VmSpace {
  readonly map: VmMap;
  refCount = 1;
  /** Where SysV segments are attached: start page to segment. */
  readonly attached: Map<number, SysvSegment> = new Map();
  /** The heap: where it starts and its length in pages; brk(2) moves its end. */
  dataStart = 0;
  dataSize = 0;

  constructor(map: VmMap) {
    this.map = map;
  }
}
