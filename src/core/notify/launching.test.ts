import assert from "node:assert/strict";
import { test } from "node:test";
import { PaperKernel } from "../../../test/support/paper-kernel.ts";
import { SWAP_RESERVE_RLIMIT_ON } from "../vm/swap-ledger.ts";
import { Accounts } from "./accounts.ts";
import { Job } from "./job.ts";
import type { Operation } from "./operation.ts";

const UID = 1000;
const LIMIT = { soft: 1000, hard: 1000 };

test("what the launcher has is never counted: neither when it calls exec, nor when that fails, nor in the peak", () => {
  const kernel = new PaperKernel();
  const accounts = new Accounts(kernel, { overcommit: SWAP_RESERVE_RLIMIT_ON });
  const { uids, figures, population } = accounts;
  const payer = uids.find(UID);
  const job = new Job(1);
  // As much as Node has, which starts commands: far beyond the limit.
  const { pid } = kernel.spawn(UID, 1, "node", new Map([[1, 5000]]));
  population.launch(pid, kernel.image(pid)!, UID, job, LIMIT);
  const trap = (operation: Operation): void => {
    const call = kernel.call(pid, operation);
    accounts.arrived(pid);
    assert.equal(accounts.admit(call, job, false), "continue");
    kernel.pending.set(pid, operation);
  };
  trap({ kind: "exec" });
  assert.equal(payer.vmsize, 0);
  // ENOENT: it is tried in the next directory of PATH.
  kernel.pending.delete(pid);
  trap({ kind: "map", start: undefined, pages: 3000 });
  kernel.pending.delete(pid);
  trap({ kind: "exec" });
  accounts.lookAtAll();
  assert.equal(payer.vmsize, 0);
  kernel.happen(pid);
  accounts.lookAtAll();
  assert.equal(payer.vmsize, kernel.reserved(pid));
  assert.equal(figures.of(payer).peak, kernel.reserved(pid));
});
