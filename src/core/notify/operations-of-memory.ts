import { pagesIn } from "../base/size.ts";
import { Grant } from "./grant.ts";
import type { TrappedCall } from "./notification.ts";
import type { OperationOf, OperationRow } from "./operations.ts";
import type { Vma } from "./ports.ts";
import type { AccountedProcess } from "./process.ts";
import { accountedWithin, dataEnd } from "./ranges.ts";
import type { Space } from "./space.ts";

/** Processor time after which an operation on the own address space is done. */
export const DONE_NS = 20_000_000;

const ROW = { changes: "map", doneAfterNs: DONE_NS } as const;

/** What the payer of a space pays for in [start, end). */
const ownWithin = (vmas: readonly Vma[], space: Space, start: number, end: number): number =>
  accountedWithin(vmas, start, end) - space.foreignWithin(start, end);

/** Where another's memory has been unmapped something new may come to lie: that has to be known before. */
const hasForeign = (_operation: unknown, { foreign }: Space): boolean => foreign.length > 0;

/** Charges pages of the own address space. */
function charged(grant: Grant, need: number): Grant {
  const { space } = grant;
  space.add(need);
  grant.pages = need;
  grant.cancel = () => space.add(-need);
  return grant;
}

/** What somebody else has paid for at a fixed place is replaced, and paid for anew. */
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
      // What it is to replace may be unmapped before.
      grant.pages = pages;
      if (space.foreign.length > 0) replaceForeign(grant, start, start + pages);
    }
    return grant;
  },
};

/** What somebody else has paid for in [start, end) is the caller's when the call is over, and was paid for by the caller then. */
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

/** The whole range, until the map tells what of it is charged already. */
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

/** Growth; with MREMAP_DONTUNMAP all of it once more. */
export const remap: OperationRow<OperationOf<"remap">> = {
  ...ROW,
  upperBound: ({ oldPages, newPages, keepsOld }) => (keepsOld ? newPages : Math.max(0, newPages - oldPages)),
  fromMap: ({ start, oldPages, newPages, keepsOld }, vmas) => {
    if (accountedWithin(vmas, start, start + 1) === 0) return 0;
    return keepsOld ? newPages : Math.max(0, newPages - oldPages);
  },
  needsMap: hasForeign,
  grant({ start, oldPages }, process, call, need) {
    process.space.movesAway(start, oldPages);
    return need === 0 ? undefined : charged(new Grant(process, call, remap), need);
  },
};

/** One that was allowed to move the end of the data segment: what others take away before, it brings again. */
class BrkGrant extends Grant {
  readonly #end: number;

  constructor(process: AccountedProcess, call: TrappedCall, end: number) {
    super(process, call, brk);
    this.#end = end;
  }

  override get pagesNow(): number {
    return Math.max(this.pages, this.space.unseenUpTo(this.#end));
  }
}

/** The end of the data segment is remembered, since a refused brk(2) returns it. */
export const brk: OperationRow<OperationOf<"brk">> = {
  ...ROW,
  upperBound: ({ end }, { space }) => space.growth(end),
  needsMap: hasForeign,
  // Of its own end a program may have unmapped something.
  fromMap: ({ end }, vmas, { startBrk, knownBrk }) =>
    Math.max(0, end - (knownBrk === undefined ? dataEnd(vmas, startBrk) : pagesIn(knownBrk))),
  grant({ end, address }, process, call, need) {
    const grant = charged(new BrkGrant(process, call, end), need);
    const { space } = grant;
    const before = space.brk;
    space.moveBrk(address, need);
    const { brkMoves } = space;
    grant.cancel = () => {
      // Another thread has moved it since, and may rely on what was charged: a look tells.
      if (space.brkMoves !== brkMoves) return;
      space.add(-need);
      space.moveBrkBack(before, need);
    };
    return grant;
  },
};
