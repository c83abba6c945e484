/** Calls on a paper machine, one after the other, in the tests of the accounts. */
import assert from "node:assert/strict";
import { PAGE_SIZE } from "../../src/core/base/size.ts";
import type { SwapLimit } from "../../src/core/space/limit.ts";
import type { Operation } from "../../src/core/trap/operation.ts";
import { AccountsWorld } from "./accounts-world.ts";
import { HEAP_START, type PaperProcess } from "./vm-targets.ts";

export const UID = 1000;
export const OTHER = 2000;
export const LIMIT = 1000;
export const LIMITED: SwapLimit = { soft: LIMIT, hard: LIMIT };

export const map = (pages: number, start?: number): Operation => ({ kind: "map", start, pages });
export const share = (pages: number): Operation => ({ kind: "share", fd: undefined, pages });
export const brk = (pages: number): Operation => {
  return { kind: "brk", end: HEAP_START + pages, address: (HEAP_START + pages) * PAGE_SIZE };
};

/** A machine with one process that has so many pages. */
export function machineWith(pages: number) {
  const world = new AccountsWorld();
  const pid = world.start(UID, LIMITED);
  if (pages > 0) does(world, pid, map(pages));
  return { world, kernel: world.kernel, accounts: world.accounts, pid };
}

/** A call that is let go, and happens. Returns the child of a fork. */
export function does(world: AccountsWorld, tid: number, operation: Operation): PaperProcess | undefined {
  assert.equal(world.trap(tid, operation), "let go");
  return world.kernel.happen(tid);
}

/** The real uid becomes another. */
export function becomes(world: AccountsWorld, pid: number, uid: number): void {
  assert.equal(world.trap(pid, { kind: "setuid" }), "let go");
  world.kernel.pending.delete(pid);
  world.kernel.setuid(pid, uid);
}

/** Pages that the two users are charged. */
export const totals = ({ accounts }: AccountsWorld): [number, number] => [
  accounts.uids.find(UID).vmsize,
  accounts.uids.find(OTHER).vmsize,
];
