import { pagesIn } from "../base/size.ts";
import { Grant } from "../grants/grant.ts";
import type { Vma } from "../space/ports.ts";
import type { AccountedProcess } from "../space/process.ts";
import { accountedWithin, dataEnd } from "../space/ranges.ts";
import type { Space } from "../space/space.ts";
import type { TrappedCall } from "../trap/notification.ts";
import type { OperationOf, OperationRow } from "./operations.ts";

/** Processor time after which an operation on the caller's own address space is taken to be done: nanoseconds. */
export const DONE_NS = 20_000_000;

const ROW = { changes: "map", doneAfterNs: DONE_NS } as const;

/** How many of the pages [start, end) the payer of a space pays for. */
const ownWithin = (vmas: readonly Vma[], space: Space, start: number, end: number): number =>
  accountedWithin(vmas, start, end) - space.foreignWithin(start, end);

/**
 * Whether parts of the space are charged to an earlier uid. Such a part may have been unmapped, and a new mapping may land at its address
 * and would be taken for it: so the map is read before the new mapping is granted.
 */
const hasForeign = (_operation: unknown, { foreign }: Space): boolean => foreign.length > 0;

/** Charges `need` pages to the space of the caller; cancelling the grant gives them back. */
function charged(grant: Grant, need: number): Grant {
  const { space } = grant;
  space.add(need);
  grant.pages = need;
  grant.cancel = () => space.add(-need);
  return grant;
}

/** mmap of private writable memory. MAP_FIXED replaces what is there: pages that the payer pays for need no new charge, foreign ones do. */
export const map: OperationRow<OperationOf<"map">> = {
  ...ROW,
  upperBound: ({ pages }) => pages,
  isBoundExact: ({ start }) => start === undefined,
  fromMap: ({ start, pages }, vmas, space) =>
    start === undefined ? pages : pages - ownWithin(vmas, space, start, start + pages),
  needsMap: hasForeign,
  grant({ start, pages }, process, call, need) {
    const grant = new Grant(process, call, map);
    const { space } = grant;
    charged(grant, need);
    if (start !== undefined) {
      // Another thread may unmap what this call is to replace: then it adds all of its pages to the map.
      grant.pages = pages;
      if (space.foreign.length > 0) replaceForeign(grant, start, start + pages);
    }
    return grant;
  },
};

/** A fixed mapping was charged in full to the payer: when the call is over, no part of [start, end) is foreign any more. */
function replaceForeign(grant: Grant, start: number, end: number): void {
  const { space, cancel } = grant;
  const forget = space.expectFixed(start, end);
  grant.finish = () => {
    forget();
    space.forgetForeign(start, end);
  };
  grant.cancel = () => {
    forget();
    cancel();
  };
}

/** mprotect with PROT_WRITE. The bound is the whole range; the map tells which VMAs of it become charged. */
export const protect: OperationRow<OperationOf<"protect">> = {
  ...ROW,
  upperBound: ({ pages }) => pages,
  fromMap({ start: page, pages, grows }, vmas) {
    const whole = grows ? vmas.find((vma) => vma.start <= page && vma.end > page) : undefined;
    const { start, end } = whole ?? { start: page, end: page + pages };
    const gains = vmas.filter((vma) => vma.accountable && !vma.accounted && vma.end > start && vma.start < end);
    return gains.reduce((sum, vma) => sum + Math.min(vma.end, end) - Math.max(vma.start, start), 0);
  },
  needsMap: (operation, space) => operation.grows || hasForeign(operation, space),
  grant: (_operation, process, call, need) =>
    need === 0 ? undefined : charged(new Grant(process, call, protect), need),
};

/** mremap adds what the mapping grows by; with MREMAP_DONTUNMAP its whole new length, since the old mapping stays. */
export const remap: OperationRow<OperationOf<"remap">> = {
  ...ROW,
  upperBound: ({ oldPages, newPages, keepsOld }) => (keepsOld ? newPages : Math.max(0, newPages - oldPages)),
  fromMap: ({ start, oldPages, newPages, keepsOld }, vmas) => {
    if (accountedWithin(vmas, start, start + 1) === 0) return 0;
    return keepsOld ? newPages : Math.max(0, newPages - oldPages);
  },
  needsMap: hasForeign,
  grant({ start, oldPages }, process, call, need) {
    process.space.heap.leavesHole(start, oldPages);
    return need === 0 ? undefined : charged(new Grant(process, call, remap), need);
  },
};

/** A brk call under way: if another thread lowers the end first, this call adds those pages again. */
class BrkGrant extends Grant {
  readonly #end: number;

  constructor(process: AccountedProcess, call: TrappedCall, end: number) {
    super(process, call, brk);
    this.#end = end;
  }

  override get pagesNow(): number {
    return Math.max(this.pages, this.space.heap.unshownUpTo(this.#end));
  }
}

/** brk, which moves the end of the data segment. The end is remembered: a refused call has to return it. */
export const brk: OperationRow<OperationOf<"brk">> = {
  ...ROW,
  upperBound: ({ end }, { space }) => space.heap.growth(end),
  needsMap: hasForeign,
  // The known end comes first: a program may have unmapped the last pages of its segment, which does not move the end.
  fromMap: ({ end }, vmas, { heap: { start, knownEnd } }) =>
    Math.max(0, end - (knownEnd === undefined ? dataEnd(vmas, start) : pagesIn(knownEnd))),
  grant({ end, address }, process, call, need) {
    const grant = charged(new BrkGrant(process, call, end), need);
    const { space } = grant;
    const before = space.heap.end;
    space.heap.move(address, need);
    const { moves } = space.heap;
    grant.cancel = () => {
      // Another thread has moved the end since and may rely on this charge: the next read of the map corrects it.
      if (space.heap.moves !== moves) return;
      space.add(-need);
      space.heap.moveBack(before, need);
    };
    return grant;
  },
};
