import assert from "node:assert/strict";
import { test } from "node:test";
import { SwapLedger } from "./swap-ledger.ts";
import { UidInfo } from "./uidinfo.ts";
import { UNLIMITED } from "./unlimited.ts";

const user = { euid: 1001, jailed: false, rlimitSwap: UNLIMITED, pid: 77 };

function console(): { lines: string[]; time: number; now(): number; print(line: string): void } {
  return {
    lines: [],
    time: 5000,
    now() {
      return this.time;
    },
    print(line) {
      this.lines.push(line);
    },
  };
}

test("refusals are told once a second, system-wide, by uid, pid and bytes", () => {
  const out = console();
  const ledger = new SwapLedger({ overcommit: 1, swapTotal: 10 }, out);
  const uid = new UidInfo(1001);
  assert.equal(ledger.reserve(11, uid, user), false);
  out.time += 999;
  ledger.reserve(12, new UidInfo(1002), { ...user, pid: 78 });
  out.time += 1;
  ledger.reserve(13, uid, user);
  assert.deepEqual(out.lines, [
    "uid 1001, pid 77: swap reservation for 45056 bytes failed",
    "uid 1001, pid 77: swap reservation for 53248 bytes failed",
  ]);
});

test("more memory wired than there is counts as none, not as without limit", () => {
  const ledger = new SwapLedger({ overcommit: 5, swapTotal: 10, pageCount: 100, freeReserved: 20, wired: 90 });
  assert.equal(ledger.supply, 10);
});

test("nothing is a reservation too: refused while a total is too high", () => {
  const ledger = new SwapLedger({ overcommit: 1, swapTotal: 10 });
  const uid = new UidInfo(1001);
  ledger.force(11, uid);
  assert.equal(ledger.reserve(0, uid, user), false);
  ledger.release(1, uid);
  assert.equal(ledger.reserve(0, uid, user), true);
});

test("releasing what was never reserved stops; a uid below zero is told", () => {
  const out = console();
  const ledger = new SwapLedger({}, out);
  ledger.force(5, new UidInfo(1001));
  ledger.release(3, new UidInfo(1002));
  assert.deepEqual(out.lines, ["negative vmsize for uid = 1002"]);
  assert.throws(() => ledger.release(3, new UidInfo(1001)), /swap_reserved < decr/);
});
