import { assertNever } from "../base/assert.ts";
import type { Operation } from "./operation.ts";
import type { Vma } from "./ports.ts";
import { accountedWithin, dataEnd, type Space } from "./space.ts";

/** The most pages an operation can add to an address space, told without a look at it; Infinity where the space says nothing of it. */
export function atMost(operation: Operation, space: Space): number {
  switch (operation.kind) {
    case "map":
    case "protect":
      return operation.pages;
    case "remap":
      return operation.keepsOld ? operation.newPages : Math.max(0, operation.newPages - operation.oldPages);
    case "brk":
      return space.growth(operation.end);
    case "fork":
      return space.pages;
    case "vfork":
    case "exec":
    case "handler":
    case "trace":
    case "setuid":
      return 0;
    case "share":
    case "segment":
    case "resize":
      return Number.POSITIVE_INFINITY;
    default:
      return assertNever(operation);
  }
}

/** The pages it really adds, told from the kernel's map; Infinity where that says nothing of it. */
export function exactly(operation: Operation, vmas: readonly Vma[], startBrk: number): number {
  switch (operation.kind) {
    case "map": {
      const { start, pages } = operation;
      return start === undefined ? pages : pages - accountedWithin(vmas, start, start + pages);
    }
    case "protect": {
      const { grows, pages } = operation;
      const page = operation.start;
      const whole = grows ? vmas.find((vma) => vma.start <= page && vma.end > page) : undefined;
      const { start, end } = whole ?? { start: page, end: page + pages };
      const writable = vmas.filter((vma) => vma.accountable && !vma.accounted && vma.end > start && vma.start < end);
      return writable.reduce((sum, vma) => sum + Math.min(vma.end, end) - Math.max(vma.start, start), 0);
    }
    case "remap": {
      const { start, oldPages, newPages, keepsOld } = operation;
      if (accountedWithin(vmas, start, start + 1) === 0) return 0;
      return keepsOld ? newPages : Math.max(0, newPages - oldPages);
    }
    case "brk":
      return Math.max(0, operation.end - dataEnd(vmas, startBrk));
    case "fork":
      return vmas.reduce((sum, vma) => sum + (vma.accounted && !vma.dontCopy ? vma.end - vma.start : 0), 0);
    default:
      return Number.POSITIVE_INFINITY;
  }
}
