import assert from "node:assert/strict";
import { test } from "node:test";
import { MAPPINGS, VmTargets } from "../../../test/support/vm-targets.ts";
import { SWAP_RESERVE_RLIMIT_ON } from "../charges/swap-ledger.ts";
import { Job } from "../space/job.ts";
import type { Operation } from "../trap/operation.ts";
import { Accounts } from "./accounts.ts";

const UID = 1000;
/** The command's, which the launcher becomes. */
const OTHER = 2000;
const LIMIT = { soft: 1000, hard: 1000 };

test("what the launcher has is never counted: neither when it calls exec, nor when that fails, nor when it is another user, nor in the peak", () => {
  const kernel = new VmTargets();
  const accounts = new Accounts(kernel, { overcommit: SWAP_RESERVE_RLIMIT_ON });
  const { uids, figures, population } = accounts;
  const payer = uids.find(OTHER);
  const job = new Job(1);
  // As much as Node has, which starts commands: far beyond the limit.
  const { pid, proc } = kernel.spawn(UID);
  kernel.vm.mmap(proc, { start: MAPPINGS, pages: 5000, prot: 3 });
  population.launch(pid, kernel.image(pid)!, UID, job, LIMIT);
  const trap = (operation: Operation): void => {
    accounts.arrived(pid);
    assert.equal(accounts.admit(kernel.call(pid, operation), job, false), "continue");
    kernel.continued(pid, operation);
  };
  trap({ kind: "exec" });
  assert.equal(payer.vmsize, 0);
  // ENOENT: it is tried in the next directory of PATH.
  kernel.pending.delete(pid);
  trap({ kind: "map", start: undefined, pages: 3000 });
  kernel.pending.delete(pid);
  trap({ kind: "setuid" });
  kernel.pending.delete(pid);
  kernel.setuid(pid, OTHER);
  trap({ kind: "exec" });
  accounts.readAllMaps();
  assert.deepEqual([uids.find(UID).vmsize, payer.vmsize], [0, 0]);
  kernel.happen(pid);
  accounts.readAllMaps();
  assert.equal(payer.vmsize, kernel.reserved(pid));
  assert.equal(figures.of(payer).peak, kernel.reserved(pid));
});
