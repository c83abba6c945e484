import { MAP_ENTRY_GROWS_DOWN, type VmMapEntry } from "./entry.ts";
import type { VmMap } from "./map.ts";
import type { Proc } from "./proc.ts";
import { type KernReturn, VM_PROT_READ, VM_PROT_WRITE } from "./vocabulary.ts";

/**
 * vm_map_stack: a stack that ends at `top` and may grow to `maximum` pages. Only its first part is mapped and charged:
 * docs/semantics.md, "Stack".
 */
export function vmMapStack(
  map: VmMap,
  { top, maximum, initial }: { readonly top: number; readonly maximum: number; readonly initial: number },
  td: Proc,
): KernReturn {
  if (maximum <= 0 || maximum > top) return "INVALID_ARGUMENT";
  return insertPart(map, top - Math.min(maximum, initial), top, maximum - Math.min(maximum, initial), td);
}

function insertPart(map: VmMap, start: number, end: number, avail: number, td: Proc): KernReturn {
  const prot = VM_PROT_READ | VM_PROT_WRITE;
  const result = map.insert({ start, end, prot, coalesce: false }, td);
  if (result !== "OK") return result;
  const entry = map.lookup(start)!;
  entry.flags |= MAP_ENTRY_GROWS_DOWN;
  entry.availSsize = avail;
  return "OK";
}

/** The stack that a fault at `page` may make grow; nothing is mapped at `page`. */
function stackAbove(map: VmMap, page: number): VmMapEntry | undefined {
  const entry = map.from(page);
  return entry?.growsDown && page < entry.start && page >= entry.start - entry.availSsize ? entry : undefined;
}

/**
 * vm_map_growstack: charged to the thread that faults. NO_SPACE: no stack reaches there. RESOURCE_SHORTAGE: refused. The process gets
 * SIGSEGV for either.
 */
export function vmMapGrowStack(map: VmMap, page: number, td: Proc): KernReturn {
  const stack = stackAbove(map, page);
  if (!stack) return "NO_SPACE";
  const lowest = Math.max(stack.previous?.end ?? 0, stack.start - stack.availSsize);
  const { rules, stackGrowPages } = map.vm;
  const start = Math.max(lowest, stack.start - rules.stackGrowth(stack.start - page, stackGrowPages));
  const left = stack.availSsize - (stack.start - start);
  const result = insertPart(map, start, stack.start, left, td);
  if (result !== "OK") return result;
  stack.flags &= ~MAP_ENTRY_GROWS_DOWN;
  stack.availSsize = 0;
  return "OK";
}
