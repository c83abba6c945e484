/** What a daemon makes of the records of the one before it, and of what the machine shows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PaperJournal } from "../../../test/support/paper-journal.ts";
import { MAPPINGS, type PaperProcess, VmTargets } from "../../../test/support/vm-targets.ts";
import { SWAP_RESERVE_RLIMIT_ON } from "../charges/swap-ledger.ts";
import { UNLIMITED } from "../charges/unlimited.ts";
import type { Json } from "../grants/records.ts";
import type { Job } from "../space/job.ts";
import type { AccountedProcess, ProgramImage } from "../space/process.ts";
import { Accounts } from "./accounts.ts";
import { recount } from "./recount.ts";
import { recover } from "./recovery.ts";

const UID = 1000;
const OTHER = 2000;

/** A machine and the records that a daemon has left. */
function scene() {
  const kernel = new VmTargets();
  const journal = new PaperJournal();
  const { records } = journal;
  /** A process that has so many pages. */
  const process = (pages: number, layout?: string): PaperProcess => {
    const made = kernel.spawn(UID);
    if (layout !== undefined) made.layout = layout;
    if (pages > 0) kernel.vm.mmap(made.proc, { start: MAPPINGS, pages, prot: 3 });
    return made;
  };
  const inherits = (soft: number | null, job = 1, payer = UID) => ({ soft, hard: soft, job, payer });
  /** What is written down of a process. */
  const recorded = (pid: number, soft: number | null, over: Record<string, Json> = {}): void => {
    const layout = kernel.processes.get(pid)?.layout ?? "gone";
    const program = { startTicks: pid, layout, startBrk: 0, nextPayer: null, foreign: [], launching: false };
    records.set(`process ${pid}`, { ...inherits(soft), ...program, ...over });
  };
  const job = (id: number, over: Record<string, Json> = {}): void => {
    records.set(`job ${id}`, { soft: null, hard: null, budget: null, around: null, ...over });
  };
  job(1);
  const goOn = () => {
    const accounts = new Accounts(kernel, { overcommit: SWAP_RESERVE_RLIMIT_ON }, { recorder: journal });
    const jobs = recover(accounts, new Map(records));
    assert.deepEqual(recount(accounts), []);
    const find = (pid: number): AccountedProcess | undefined => accounts.population.find(pid);
    return { accounts, jobs, find, limitOf: (pid: number): number | undefined => find(pid)?.limit.soft };
  };
  return { kernel, journal, records, process, inherits, recorded, job, goOn };
}

test("jobs are inside each other as they were, in whatever order they are written down", () => {
  const { process, recorded, job, goOn } = scene();
  job(3, { around: 2 });
  job(2, { around: 1, soft: 7, hard: 8, budget: 90 });
  job(4, { around: 77, sessionOf: 2000 });
  const { pid } = process(30);
  recorded(pid, null, { job: 3 });
  const { accounts, jobs } = goOn();
  const of = (id: number): Job => jobs.get(id)!;
  assert.deepEqual([of(3).around, of(2).around, of(1).around, of(4).around], [of(2), of(1), undefined, undefined]);
  assert.deepEqual([of(2).limit, of(2).most, of(1).most], [{ soft: 7, hard: 8 }, 90, UNLIMITED]);
  assert.deepEqual([of(3).sessionOf, of(4).sessionOf], [undefined, 2000]);
  assert.deepEqual(
    [1, 2, 3, 4].map((id) => of(id).pages),
    [30, 30, 30, 0],
  );
  assert.deepEqual(accounts.jobs, new Set([accounts.rootJob, ...jobs.values()]));
});

test("processes of a job that had one limit share it; those of another job, and others, do not", () => {
  const { process, recorded, job, goOn } = scene();
  job(1, { soft: 70, hard: 70 });
  job(2);
  const [a, b, c, d, e] = [1, 2, 3, 4, 5].map(() => process(0).pid) as [number, number, number, number, number];
  for (const pid of [a, b]) recorded(pid, 5);
  recorded(c, 5, { job: 2 });
  recorded(d, 70);
  recorded(e, 5, { hard: 70 });
  const { jobs, find } = goOn();
  const limits = [a, b, c, d, e].map((pid) => find(pid)!.limit);
  assert.equal(limits[0], limits[1]);
  assert.equal(limits[3], jobs.get(1)!.limit);
  assert.equal(new Set(limits).size, 4);
  assert.deepEqual(limits[4], { soft: 5, hard: 70 });
});

test("a process whose job nobody has written down has none of its own", () => {
  const { process, recorded, goOn } = scene();
  const { pid } = process(5);
  recorded(pid, null, { job: 99 });
  const { accounts, find } = goOn();
  assert.equal(find(pid)!.space.job, accounts.rootJob);
});

test("the record of a process that has ended, or whose number another has, is dropped", () => {
  const { kernel, records, process, recorded, goOn } = scene();
  const [gone, reused, there] = [process(1).pid, process(2).pid, process(4).pid];
  for (const pid of [gone, there]) recorded(pid, 5);
  recorded(reused, 5, { startTicks: 1, layout: "another" });
  kernel.exit(gone);
  const { accounts, find } = goOn();
  assert.deepEqual([find(gone), find(reused), find(there)?.limit.soft], [undefined, undefined, 5]);
  assert.deepEqual([...records.keys()], ["job 1", `process ${there}`]);
  assert.equal(accounts.ledger.reserved, 4);
});

test("who was expected to come as another program is looked for, unless nobody under a filter has the number", () => {
  const { kernel, records, process, inherits, goOn } = scene();
  const [there, gone, unfiltered] = [process(5).pid, process(6).pid, process(7).pid];
  for (const pid of [there, gone, unfiltered]) records.set(`borrower ${pid}`, inherits(33, 1, OTHER));
  kernel.exit(gone);
  const { ids } = kernel;
  kernel.ids = (pid) => {
    const all = ids.call(kernel, pid);
    return all && { ...all, filtered: pid !== unfiltered };
  };
  const { accounts, find } = goOn();
  assert.deepEqual([find(there)?.limit.soft, find(there)?.space.payer.uid], [33, OTHER]);
  assert.deepEqual([find(gone), find(unfiltered), accounts.ledger.reserved], [undefined, undefined, 5]);
  assert.deepEqual(
    [...records.keys()].filter((key) => key.startsWith("borrower")),
    [],
  );
});

test("nobody's record, but the image of one whose record is there: it has been forked by that one, or by the fork that was open", () => {
  const cases: readonly (readonly [
    what: string,
    prepare: (s: ReturnType<typeof scene>, pid: number) => void,
    limit: number | undefined,
  ])[] = [
    ["nothing is known of it", () => {}, undefined],
    ["one that is gone had its image", ({ recorded }) => recorded(1, 20, { layout: "a" }), 20],
    ["one that is gone had another image", ({ recorded }) => recorded(1, 20, { layout: "b" }), undefined],
    [
      "one that is there has its image by now",
      ({ process, recorded }) => recorded(process(0, "a").pid, 30, { layout: "b" }),
      30,
    ],
    ["a fork was open", ({ records, inherits }) => void records.set("fork 5", { ...inherits(40), layout: "a" }), 40],
    [
      "a fork was open, which says more than who was there",
      ({ records, inherits, recorded }) => {
        recorded(1, 20, { layout: "a" });
        records.set("fork 5", { ...inherits(40), layout: "a" });
      },
      40,
    ],
  ];
  for (const [what, prepare, limit] of cases) {
    for (const filtered of [true, false]) {
      const all = scene();
      const { pid } = all.process(6, "a");
      prepare(all, pid);
      const { ids } = all.kernel;
      all.kernel.ids = (each) => {
        const before = ids.call(all.kernel, each);
        return before && { ...before, filtered: filtered || each !== pid };
      };
      const { accounts, limitOf } = all.goOn();
      const expected = filtered ? limit : undefined;
      assert.deepEqual([limitOf(pid), accounts.ledger.reserved], [expected, expected === undefined ? 0 : 6], what);
      assert.equal(all.records.has("fork 5"), false);
    }
  }
});

test("a child that nothing is written of has its parent's limit, or that of the fork that was open, and nobody else's", () => {
  for (const isForkOpen of [false, true]) {
    const { records, process, inherits, recorded, goOn } = scene();
    const parent = process(1, "a");
    recorded(parent.pid, 400);
    // Others with that image: gone, and still there.
    recorded(1, 200, { layout: "a" });
    recorded(process(0, "a").pid, 100);
    if (isForkOpen) records.set("fork 1", { ...inherits(300), layout: "a" });
    const child = process(2, "a");
    child.ppid = parent.pid;
    const { limitOf, find } = goOn();
    assert.equal(limitOf(child.pid), isForkOpen ? 300 : 400);
    assert.deepEqual([find(child.pid)!.pendingExec, find(child.pid)!.space.pages], ["unknown", 2]);
  }
});

test("children of children are found, in whatever order they are listed", () => {
  const { kernel, process, recorded, goOn } = scene();
  const family = [process(1, "a"), process(2, "b"), process(4, "c"), process(8, "d")];
  for (const [i, child] of family.entries()) child.ppid = family[i - 1]?.pid ?? 1;
  recorded(family[0]!.pid, 50);
  const { pids } = kernel;
  kernel.pids = () => [...pids.call(kernel)].reverse();
  const { accounts, limitOf } = goOn();
  assert.deepEqual(
    family.map(({ pid }) => limitOf(pid)),
    [50, 50, 50, 50],
  );
  assert.equal(accounts.ledger.reserved, 15);
});

test("who has the memory of one that is known pays nothing for it, and has its parent's limit where that has it too", () => {
  for (const isOrphan of [false, true]) {
    const { kernel, process, recorded, goOn } = scene();
    const parent = process(20, "a");
    recorded(parent.pid, 400);
    kernel.continued(parent.pid, { kind: "vfork", waits: true });
    const child = kernel.happen(parent.pid)!;
    recorded(child.pid, 300);
    kernel.continued(child.pid, { kind: "vfork", waits: true });
    const grandchild = kernel.happen(child.pid)!;
    if (isOrphan) grandchild.ppid = 1;
    const { accounts, find, limitOf } = goOn();
    assert.equal(accounts.ledger.reserved, 20);
    assert.equal(find(grandchild.pid)!.space, find(parent.pid)!.space);
    // Whoever of the two is found first, where none of them is its parent.
    assert.equal(limitOf(grandchild.pid), isOrphan ? 400 : 300);
  }
});

test("shared memory that nobody had seen is charged where it may still be mapped, and written down then", () => {
  for (const [creator, sharers, isThere] of [
    ["there", [], true],
    ["gone", ["there"], true],
    ["gone", undefined, false],
    ["gone", [], false],
  ] as const) {
    const { kernel, records, process, recorded, goOn } = scene();
    const there = process(0);
    recorded(there.pid, null);
    kernel.continued(there.pid, { kind: "share", fd: undefined, pages: 9 });
    kernel.happen(there.pid);
    const number = (who: string): number => (who === "there" ? there.pid : 77);
    const of = { payer: OTHER, job: 1, pages: 12, key: null, creator: number(creator) };
    records.set("unseen 4", sharers === undefined ? of : { ...of, sharers: sharers.map(number) });
    const { accounts } = goOn();
    // What the map shows is what was written down, or somebody's of whom nothing is.
    assert.deepEqual(
      [accounts.uids.find(OTHER).vmsize, accounts.uids.find(UID).vmsize],
      isThere ? [12, 0] : [0, 9],
      `${creator} ${sharers}`,
    );
    assert.equal([...records.keys()].filter((key) => key.startsWith("unseen")).length, 0);
  }
});

test("names in the journal go on behind those that were given", () => {
  const { kernel, records, process, recorded, inherits, goOn } = scene();
  const { pid } = process(1);
  recorded(pid, null);
  records.set("fork 7", { ...inherits(1), layout: "nobody's" });
  const { accounts, jobs } = goOn();
  const call = kernel.call(pid, { kind: "fork", isSibling: false });
  assert.equal(accounts.admit(call, jobs.get(1)!, false), "continue");
  assert.ok(records.has("fork 8"));
});

test("who pays for the next program of one that shares its memory is known after a kill, and who launches is not counted", () => {
  const { process, recorded, goOn } = scene();
  const [borrower, launcher] = [process(5).pid, process(900).pid];
  recorded(borrower, null, { nextPayer: OTHER });
  recorded(launcher, null, { launching: true });
  const { find, accounts } = goOn();
  assert.equal(find(borrower)!.nextPayer, accounts.uids.find(OTHER));
  assert.deepEqual([find(launcher)!.launching, accounts.ledger.reserved], [true, 5]);
  const image: ProgramImage = find(launcher)!.image;
  assert.equal(image.startTicks, launcher);
});
