import assert from "node:assert/strict";
import { test } from "node:test";
import { Budget } from "./budget.ts";
import { Charge } from "./charge.ts";
import { recount } from "./recount.ts";
import {
  type Credentials,
  SWAP_RESERVE_FORCE_ON,
  SWAP_RESERVE_RLIMIT_ON,
  type SwapConfig,
  SwapLedger,
} from "./swap-ledger.ts";
import { UidInfos } from "./uidinfo.ts";

/** A budget of a hundred pages inside one of a thousand. */
function machine(config: SwapConfig = {}) {
  const ledger = new SwapLedger(config);
  const uids = new UidInfos();
  const outer = new Budget("outer", 1000);
  const inner = new Budget("inner", 100, outer);
  return { ledger, uids, outer, inner, payer: uids.find(7) };
}

test("what is held counts for its payer, in all, and against the budget and those around it", () => {
  const { ledger, payer, inner, outer } = machine();
  const charge = new Charge(ledger, payer, inner);
  charge.grow(30);
  charge.grow(-10);
  assert.deepEqual([charge.pages, payer.vmsize, ledger.reserved, inner.pages, outer.pages], [20, 20, 20, 20, 20]);
  charge.release();
  assert.deepEqual([charge.pages, payer.vmsize, ledger.reserved, inner.pages, outer.pages], [0, 0, 0, 0, 0]);
});

test("a charge that moves counts against its new budget, though that is full, and for the same payer", () => {
  const { ledger, payer, inner, outer } = machine();
  const charge = new Charge(ledger, payer, outer);
  charge.grow(300);
  charge.moveTo(inner);
  assert.deepEqual([charge.budget, inner.pages, outer.pages, payer.vmsize], [inner, 300, 300, 300]);
  const free = new Charge(ledger, payer);
  free.grow(5);
  free.moveTo(outer);
  assert.deepEqual([inner.pages, outer.pages, payer.vmsize], [300, 305, 305]);
});

test("a budget is full to the last page, and the innermost that is full is told", () => {
  const { inner, outer } = machine();
  inner.add(90);
  assert.deepEqual([inner.exceededBy(10), inner.exceededBy(11)], [undefined, inner]);
  outer.add(905);
  assert.deepEqual([inner.exceededBy(5), inner.exceededBy(6), inner.exceededBy(11)], [undefined, outer, inner]);
  assert.deepEqual([inner.isWithin(outer), outer.isWithin(inner), inner.isWithin(inner)], [true, false, true]);
});

test("the budget refuses first, then the supply, then the limit; root is held to the budget alone", () => {
  const both = SWAP_RESERVE_FORCE_ON | SWAP_RESERVE_RLIMIT_ON;
  const { ledger, payer, inner, outer } = machine({ overcommit: both, swapTotal: 80 });
  new Charge(ledger, payer, outer).grow(40);
  const user: Credentials = { euid: 7, jailed: false, rlimitSwap: 60, pid: 1 };
  const root: Credentials = { ...user, euid: 0 };
  const reason = (pages: number, by: Credentials) => ledger.refusalOf(pages, payer, by, inner);
  assert.equal(reason(20, user), undefined);
  assert.deepEqual(reason(21, user), { reason: "rlimit", used: 40, limit: 60 });
  assert.deepEqual(reason(41, user), { reason: "supply", used: 40, limit: 80 });
  assert.deepEqual(reason(101, user), { reason: "job", used: 0, limit: 100 });
  assert.deepEqual(reason(100, root), undefined);
  assert.deepEqual(reason(101, root), { reason: "job", used: 0, limit: 100 });
  assert.equal(ledger.refusalOf(101, payer, root), undefined);
});

test("counting again tells each total that its holders do not add up to", () => {
  const { ledger, uids, payer, inner, outer } = machine();
  const charges = [
    new Charge(ledger, payer, inner),
    new Charge(ledger, uids.find(8), outer),
    new Charge(ledger, payer),
  ];
  for (const charge of charges) charge.grow(10);
  const totals = { ledger, uids, budgets: [inner, outer] };
  assert.deepEqual(recount(charges, totals), []);
  assert.deepEqual(recount(charges.slice(1), totals), [
    "uid 7: 20 pages are kept, 10 counted",
    "swap_reserved: 30 pages are kept, 20 counted",
    "inner: 10 pages are kept, 0 counted",
    "outer: 20 pages are kept, 10 counted",
  ]);
  inner.add(1);
  assert.deepEqual(recount(charges, { ...totals, budgets: [] }), [
    "inner: 11 pages are kept, 10 counted",
    "outer: 21 pages are kept, 20 counted",
  ]);
});
