import { copyOf } from "../base/bytes.ts";
import { Errno } from "../base/errno.ts";
import { mapOutcome } from "../vfs/parked.ts";
import type { Debugger, Patched } from "./breakpoints-port.ts";
import type { AddressSpace, Process } from "./ports.ts";

type Found = (patch: Patched, at: number, from: number, to: number) => void;

/** Each patch that [address, address + length) has a part of: its bytes `from` to `to`, of which the first is byte `at` of the range. */
function overlaps(patches: readonly Patched[], address: number, length: number, found: Found): void {
  for (const patch of patches) {
    const from = Math.max(address, patch.address) - patch.address;
    const to = Math.min(address + length, patch.address + patch.original.length) - patch.address;
    if (from < to) found(patch, patch.address + from - address, from, to);
  }
}

/** Memory as the program of a process has it, also while breakpoints stand in it: they are read and written as if they were not there. EAGAIN for a write where one is being put in or taken out. */
export function withoutPatches(space: AddressSpace, process: Process, breakpoints: Debugger): AddressSpace {
  const { breakInstruction } = breakpoints;
  return {
    image: space.image,
    read(address, into) {
      const before = breakpoints.patches(process);
      return mapOutcome(space.read(address, into), (count) => {
        // A read that took its time has seen the memory before or after a change.
        for (const patches of new Set([before, breakpoints.patches(process)])) {
          overlaps(patches, address, count, ({ original }, at, from, to) => {
            const isThere = breakInstruction.subarray(from, to).every((byte, i) => into[at + i] === byte);
            if (isThere) into.set(original.subarray(from, to), at);
          });
        }
        return count;
      });
    },
    write(address, data) {
      // Between the look at what a breakpoint replaces and the breakpoint a write would be lost, or leave the breakpoint behind.
      const isChanging = breakpoints
        .changing(process)
        .some((at) => at < address + data.length && address < at + breakInstruction.length);
      if (isChanging) throw new Errno("EAGAIN", "a breakpoint is being put in or taken out there; try again");
      const patches = breakpoints.patches(process);
      if (patches.length === 0) return space.write(address, data);
      const changed = copyOf(data);
      overlaps(patches, address, data.length, (_patch, at, from, to) =>
        changed.set(breakInstruction.subarray(from, to), at),
      );
      return mapOutcome(space.write(address, changed), (count) => {
        overlaps(patches, address, count, ({ original }, at, from, to) =>
          original.set(data.subarray(at, at + to - from), from),
        );
        return count;
      });
    },
    close: () => space.close(),
  };
}
