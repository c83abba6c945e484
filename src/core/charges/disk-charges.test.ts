import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrno } from "../base/errno.ts";
import { HeldDisks } from "./disk-charges.ts";
import { recount } from "./recount.ts";
import {
  type Credentials,
  SWAP_RESERVE_FORCE_ON,
  SWAP_RESERVE_RLIMIT_ON,
  type SwapConfig,
  SwapLedger,
} from "./swap-ledger.ts";
import { UidInfos } from "./uidinfo.ts";
import { UNLIMITED } from "./unlimited.ts";

const ROOT: Credentials = { euid: 0, jailed: false, rlimitSwap: UNLIMITED, pid: 1 };
const user = (rlimitSwap = UNLIMITED): Credentials => ({ euid: 1001, jailed: false, rlimitSwap, pid: 1 });

/** The accounts, what is charged to a uid and to all, and the recount after each look. */
function accounts(config: SwapConfig) {
  const ledger = new SwapLedger(config);
  const uids = new UidInfos();
  const charges = new HeldDisks(ledger, uids);
  const totals = (): number[] => {
    assert.deepEqual(recount(charges, { ledger, uids, budgets: [] }), []);
    return [ledger.reserved, uids.find(0).vmsize, uids.find(1001).vmsize];
  };
  return { charges, totals };
}

test("a disk costs its size from creation to destruction, root's too, and is never refused to root", () => {
  const { charges, totals } = accounts({ overcommit: SWAP_RESERVE_FORCE_ON, swapTotal: 1000 });
  charges.reserve("md0", 256, 0, ROOT);
  assert.deepEqual(totals(), [256, 256, 0]);
  charges.resize("md0", 100);
  assert.deepEqual(totals(), [100, 100, 0]);
  charges.resize("md0", 4000);
  assert.deepEqual(totals(), [4000, 4000, 0]);
  charges.release("md0");
  assert.deepEqual(totals(), [0, 0, 0]);
});

test("past the limit of the uid nothing changes, and the reason has the figures", () => {
  const { charges, totals } = accounts({ overcommit: SWAP_RESERVE_RLIMIT_ON });
  charges.reserve("md0", 256, 1001, user(512));
  assert.throws(() => charges.reserve("md1", 257, 1001, user(512)), {
    message: "ENOMEM: 1028k more do not fit: uid 1001 may have 2m and is charged 1m; destroy something first",
  });
  assert.throws(() => charges.resize("md0", 513), /^Errno: ENOMEM: 1028k more do not fit/);
  assert.deepEqual(totals(), [256, 0, 256]);
  charges.resize("md0", 512);
  assert.deepEqual(totals(), [512, 0, 512]);
  charges.release("md0");
  charges.reserve("md1", 512, 1001, user(512));
  assert.deepEqual(totals(), [512, 0, 512]);
});

test("the global limit refuses everybody but root", () => {
  const { charges, totals } = accounts({ overcommit: SWAP_RESERVE_FORCE_ON, swapTotal: 256 });
  assert.throws(() => charges.reserve("md0", 257, 1001, user()), /the system may have 1m and is charged 0;/);
  assert.throws(() => charges.reserve("md0", 257, 0, { ...ROOT, jailed: true }), /the system may have 1m/);
  charges.reserve("md0", 257, 1001, ROOT);
  assert.deepEqual(totals(), [257, 0, 257]);
});

test("a disk that is found is counted whatever the limit, which holds for its growth", () => {
  const { charges, totals } = accounts({ overcommit: SWAP_RESERVE_RLIMIT_ON });
  charges.adopt("md0", 100, 1001, user(10));
  assert.deepEqual(totals(), [100, 0, 100]);
  assert.throws(() => charges.resize("md0", 101), /ENOMEM/);
  charges.resize("md0", 5);
  charges.resize("md0", 10);
  assert.deepEqual(totals(), [10, 0, 10]);
});

test("a name is charged once, and a charge has a name", () => {
  const { charges, totals } = accounts({});
  charges.reserve("md0", 1, 1001, user());
  assert.throws(
    () => charges.reserve("md0", 1, 1001, user()),
    (error) => isErrno(error, "EEXIST"),
  );
  for (const act of [() => charges.resize("md1", 1), () => charges.release("md1")]) {
    assert.throws(act, (error) => isErrno(error, "ENOENT"));
  }
  assert.deepEqual(totals(), [1, 0, 1]);
});
