/** Who has the memory of a process that leaves it, and who only looks so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { becomes, does, LIMITED, machineWith, map, OTHER, totals, UID } from "../../../test/support/accounts-calls.ts";
import type { AccountsWorld } from "../../../test/support/accounts-world.ts";
import type { PaperProcess } from "../../../test/support/vm-targets.ts";
import type { Space } from "../space/space.ts";
import type { Operation } from "../trap/operation.ts";

const FORK: Operation = { kind: "fork", isSibling: false };
const CLONE_VM: Operation = { kind: "vfork", waits: false };

function ends(world: AccountsWorld, pid: number): void {
  world.exit(pid);
  world.tellEnds();
}

const spaceOf = ({ accounts }: AccountsWorld, pid: number): Space | undefined => accounts.population.find(pid)?.space;

test("beside one that has the memory, a forked child of the same image has its own", () => {
  const { world, pid } = machineWith(100);
  const [known, silent] = [does(world, pid, CLONE_VM)!, does(world, pid, CLONE_VM)!];
  does(world, known.pid, map(1));
  const child = does(world, pid, FORK)!;
  ends(world, pid);
  assert.equal(spaceOf(world, silent.pid), spaceOf(world, known.pid));
  assert.notEqual(spaceOf(world, child.pid), spaceOf(world, known.pid));
  assert.equal(spaceOf(world, child.pid)!.pages, 101);
  world.checkAtRest();
  assert.equal(world.accounts.ledger.reserved, 202);
});

test("of one that has changed its uid the memory is not taken for that of a child it forked before", () => {
  const { world, pid } = machineWith(100);
  const child = does(world, pid, FORK)!;
  becomes(world, pid, OTHER);
  does(world, pid, map(7));
  const silent = does(world, pid, CLONE_VM)!;
  ends(world, pid);
  assert.deepEqual([spaceOf(world, child.pid)!.pages, spaceOf(world, silent.pid)!.pages], [100, 107]);
  assert.deepEqual(totals(world), [200, 7]);
  world.checkAtRest();
});

test("who was made in the memory before its maker changed its uid has it still, and who has paid goes on paying", () => {
  const { world, pid } = machineWith(100);
  const silent = does(world, pid, CLONE_VM)!;
  becomes(world, pid, OTHER);
  does(world, pid, map(7));
  ends(world, pid);
  assert.equal(spaceOf(world, silent.pid)!.pages, 107);
  assert.deepEqual(totals(world), [100, 7]);
});

test("who has the memory is looked for where a fork of the same uid is open, too", () => {
  const { world, pid } = machineWith(100);
  const silent = does(world, pid, CLONE_VM)!;
  does(world, pid, FORK);
  ends(world, pid);
  assert.ok(spaceOf(world, silent.pid));
  world.checkAtRest();
  assert.equal(world.accounts.ledger.reserved, 200);
});

test("of those that are not known only who is under a filter, and can be looked at, may have the memory", () => {
  for (const can of ["be looked at", "be trapped", "have both"]) {
    const { world, kernel, pid } = machineWith(100);
    const silent: PaperProcess = does(world, pid, CLONE_VM)!;
    const { ids, image } = kernel;
    if (can === "be looked at") {
      kernel.ids = (each) => {
        const all = ids.call(kernel, each);
        return all && { ...all, filtered: each !== silent.pid };
      };
    }
    if (can === "be trapped") kernel.image = (each) => (each === silent.pid ? undefined : image.call(kernel, each));
    ends(world, pid);
    assert.equal(spaceOf(world, silent.pid)?.pages, can === "have both" ? 100 : undefined, can);
  }
});

test("who may exec when it is found is not taken for the program it was for ever", () => {
  const { world, kernel, pid } = machineWith(100);
  const silent = does(world, pid, CLONE_VM)!;
  ends(world, pid);
  kernel.continued(silent.pid, { kind: "exec" });
  kernel.happen(silent.pid);
  world.checkAtRest();
});

test("before a limit is set those are found that have the process's memory: they keep the one before, and nobody else is touched", () => {
  const { world, kernel, accounts, pid } = machineWith(100);
  const other = world.start(UID, LIMITED);
  const [silent, others] = [does(world, pid, CLONE_VM)!, does(world, other, CLONE_VM)!];
  const unrelated = kernel.spawn(UID);
  accounts.setLimit(accounts.population.find(pid)!, { soft: 300, hard: 300 });
  assert.deepEqual(
    [accounts.population.find(pid)!.limit.soft, accounts.population.find(silent.pid)!.limit],
    [300, LIMITED],
  );
  assert.deepEqual(
    [others.pid, unrelated.pid].map((each) => accounts.population.find(each)),
    [undefined, undefined],
  );
});
