/** Programs that are expected, and those that nobody has looked at yet: what stands of them in the journal, and who they turn out to be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { does, LIMITED, machineWith, map, OTHER, UID } from "../../../test/support/accounts-calls.ts";
import { PaperJournal } from "../../../test/support/paper-journal.ts";
import { IMAGE_PAGES, type PaperProcess } from "../../../test/support/vm-targets.ts";
import { UidInfo } from "../charges/uidinfo.ts";
import { UNLIMITED } from "../charges/unlimited.ts";
import type { Json } from "../grants/records.ts";
import { Job } from "../space/job.ts";
import { limitCell } from "../space/limit.ts";
import type { Targets } from "../space/ports.ts";
import type { AccountedProcess } from "../space/process.ts";
import type { Operation } from "../trap/operation.ts";
import { ExpectedPrograms } from "./expected.ts";
import { UnreadImage } from "./unread-program.ts";

const VFORK: Operation = { kind: "vfork", waits: true };
const EXEC: Operation = { kind: "exec" };

test("what a program inherits that is expected is written down as it is, whatever was written before", () => {
  const journal = new PaperJournal();
  const expected = new ExpectedPrograms(journal);
  const [job, other] = [new Job(1), new Job(2)];
  const [payer, stranger] = [new UidInfo(1000), new UidInfo(2000)];
  const record = (soft: Json, hard: Json, jobId: number, uid: number): Json => ({ soft, hard, job: jobId, payer: uid });
  const cases = [
    [job, payer, 5, 6, record(5, 6, 1, 1000)],
    [job, payer, 5, 6, record(5, 6, 1, 1000)],
    [job, payer, 5, 7, record(5, 7, 1, 1000)],
    [job, payer, 4, 7, record(4, 7, 1, 1000)],
    [job, stranger, 4, 7, record(4, 7, 1, 2000)],
    [other, stranger, 4, 7, record(4, 7, 2, 2000)],
    [other, stranger, UNLIMITED, UNLIMITED, record(null, null, 2, 2000)],
  ] as const;
  for (const [i, [of, uid, soft, hard, written]] of cases.entries()) {
    expected.add(100 + i, { job: of, payer: uid, limit: limitCell({ soft, hard }) });
    assert.deepEqual(journal.records.get(`borrower ${100 + i}`), written);
  }
  // Who pays for one without a payer is not known: it is found out by looking.
  expected.add(99, { job, limit: limitCell() });
  assert.equal(journal.records.has("borrower 99"), false);
  assert.equal(expected.size, cases.length + 1);
});

test("the same record is written as the same value, so that its text need not be made again", () => {
  const written: unknown[] = [];
  const expected = new ExpectedPrograms({ put: (_key, value) => written.push(value), drop: () => {} });
  const from = { job: new Job(1), payer: new UidInfo(1000), limit: limitCell({ soft: 5, hard: UNLIMITED }) };
  expected.add(1, from);
  expected.add(2, { ...from, limit: limitCell(from.limit) });
  expected.add(3, { ...from, limit: limitCell({ soft: 6, hard: UNLIMITED }) });
  assert.equal(written[0], written[1]);
  assert.notEqual(written[1], written[2]);
});

test("who does not come is forgotten; the record of one that is registered stands until it has one of its own, or ends", () => {
  const journal = new PaperJournal();
  const expected = new ExpectedPrograms(journal);
  const from = { job: new Job(1), payer: new UidInfo(1000), limit: limitCell() };
  for (const pid of [1, 2, 3]) expected.add(pid, from);
  expected.drop(1);
  // Not expected: it has a record that is somebody else's business.
  journal.put("borrower 7", 1);
  expected.drop(7);
  assert.deepEqual([...journal.records.keys()], ["borrower 2", "borrower 3", "borrower 7"]);
  const process = { pid: 2, startTicks: 55 } as AccountedProcess;
  expected.registered(process);
  assert.deepEqual([expected.find(2), expected.size, journal.records.has("borrower 2")], [undefined, 1, true]);
  let written = 0;
  expected.settle(process, () => written++);
  expected.settle(process, () => written++);
  assert.deepEqual([written, journal.records.has("borrower 2")], [1, false]);
  const ended = { pid: 3, startTicks: 55 } as AccountedProcess;
  expected.registered(ended);
  expected.settle(ended);
  assert.equal(journal.records.has("borrower 3"), false);
});

test("an image is read when something of it is asked for, until it could be read", () => {
  let asked = 0;
  let image: unknown;
  const targets = {
    image: () => {
      asked++;
      return image;
    },
    nowTicks: () => 5,
  } as unknown as Targets;
  const unread = new UnreadImage(targets, 7);
  assert.equal(asked, 0);
  assert.deepEqual([unread.startTicks, unread.layout, unread.startBrk], [0, "unread 7", 0]);
  // Somebody who began later has the number by now.
  image = { startTicks: 6, layout: "c d", startBrk: 8 };
  assert.deepEqual([unread.startTicks, unread.layout, unread.startBrk], [0, "unread 7", 0]);
  image = { startTicks: 5, layout: "a b", startBrk: 9 };
  asked = 0;
  assert.deepEqual([unread.startTicks, unread.layout, unread.startBrk, asked], [5, "a b", 9, 1]);
});

test("a program that calls and whose vfork parent waits is not looked at: its size by the quick figures is what it has", () => {
  const { world, kernel, accounts, pid } = machineWith(600);
  const child: PaperProcess = does(world, pid, VFORK)!;
  does(world, child.pid, EXEC);
  const { image, map: shown } = kernel;
  kernel.image = () => assert.fail("looked at");
  kernel.map = () => assert.fail("looked at");
  does(world, child.pid, map(7));
  kernel.image = image;
  kernel.map = shown;
  const { space, limit }: AccountedProcess = accounts.population.find(child.pid)!;
  assert.deepEqual([space.pages, space.payer.uid, limit], [IMAGE_PAGES + 7, UID, LIMITED]);
  assert.equal(accounts.figures.of(space.payer).peak, 600 + IMAGE_PAGES + 7);
  assert.equal(accounts.grants.vforks.size, 0);
  world.checkAtRest();
});

test("of a program whose size cannot be told nothing is charged until somebody looks", () => {
  const { world, kernel, accounts, pid } = machineWith(10);
  const child = does(world, pid, VFORK)!;
  does(world, child.pid, EXEC);
  const { size } = kernel;
  kernel.size = () => undefined;
  does(world, child.pid, { kind: "handler", action: 0, word: 8 });
  does(world, child.pid, map(7));
  kernel.size = size;
  assert.equal(accounts.ledger.reserved, 17);
  world.checkAtRest();
});

test("whose vfork parent has ended, or is another program, is looked at: it may have anybody's memory", () => {
  for (const happens of [
    "its vfork parent has ended",
    "its vfork parent may be another program",
    "its vfork parent is another program",
  ]) {
    const { world, kernel, accounts, pid } = machineWith(600);
    const thread = kernel.addThread(pid);
    const child: PaperProcess = does(world, pid, VFORK)!;
    assert.equal(world.trap(child.pid, EXEC), "let go");
    if (happens === "its vfork parent has ended") {
      world.exit(pid);
      world.tellEnds();
    } else {
      assert.equal(world.trap(thread, EXEC), "let go");
      if (happens === "its vfork parent is another program") kernel.happen(thread);
    }
    does(world, child.pid, map(7));
    const { space }: AccountedProcess = accounts.population.find(child.pid)!;
    // Its own exec has not happened: it has its parent's memory.
    assert.equal(space.pages, 607, happens);
    kernel.happenAll();
    world.checkAtRest();
  }
});

test("who is expected and never calls is found, and a process that ends is forgotten with its record", () => {
  const { world, kernel, accounts, pid } = machineWith(1);
  const children = [1, 2].map(() => {
    const child = does(world, pid, VFORK)!;
    does(world, child.pid, EXEC);
    return child.pid;
  }) as [number, number];
  assert.equal(accounts.arrivals.hasPending, true);
  assert.deepEqual(
    [...accounts.arrivals.expected].map(([each, { payer }]) => [each, payer?.uid]),
    children.map((each) => [each, UID]),
  );
  world.exit(children[0]);
  accounts.readAllMaps();
  assert.equal(accounts.arrivals.hasPending, false);
  assert.deepEqual(
    [accounts.population.find(children[0]), world.records.has(`borrower ${children[0]}`)],
    [undefined, false],
  );
  assert.ok(accounts.population.find(children[1]));
  assert.deepEqual(
    [...world.records.keys()].filter((key) => key.startsWith("borrower")),
    [],
  );
  kernel.exit(children[1]);
  assert.equal(accounts.ledger.reserved, 1 + IMAGE_PAGES);
});

test("two hundred and fifty-six are left to be found later; then they are looked for", () => {
  const { world, accounts, pid } = machineWith(0);
  const come = (): number => {
    const child = does(world, pid, VFORK)!;
    does(world, child.pid, EXEC);
    return child.pid;
  };
  const first = come();
  for (let i = 1; i < 256; i++) come();
  assert.equal(accounts.population.find(first), undefined);
  come();
  assert.ok(accounts.population.find(first));
});

test("of two vfork parents it is its own one's payer and limit that a program inherits", () => {
  const { world, accounts, pid } = machineWith(1);
  const other = world.start(OTHER, { soft: 77, hard: 77 });
  const [child, others] = [does(world, pid, VFORK)!, does(world, other, VFORK)!];
  does(world, others.pid, EXEC);
  does(world, child.pid, EXEC);
  for (const each of [child, others]) does(world, each.pid, map(1));
  const of = (each: number): unknown => {
    const { space, limit } = accounts.population.find(each)!;
    return [space.payer.uid, limit.soft];
  };
  assert.deepEqual(
    [of(child.pid), of(others.pid)],
    [
      [UID, LIMITED.soft],
      [OTHER, 77],
    ],
  );
});

test("one whose vfork parent cannot be told is registered at once, while somebody waits in vfork", () => {
  const { world, kernel, accounts, pid } = machineWith(1);
  const other = world.start(OTHER, LIMITED);
  does(world, pid, VFORK);
  does(world, other, VFORK);
  const stranger = kernel.spawn(UID);
  assert.equal(world.trap(stranger.pid, EXEC), "let go");
  assert.ok(accounts.population.find(stranger.pid));
});

test("an unrelated process that execs while nobody waits in vfork is registered when it is another program, with its job's limit", () => {
  const { world, kernel, accounts } = machineWith(1);
  world.job.limit = limitCell({ soft: 300, hard: 300 });
  const stranger = kernel.spawn(OTHER);
  does(world, stranger.pid, EXEC);
  assert.equal(accounts.population.find(stranger.pid), undefined);
  does(world, stranger.pid, map(1));
  const { space, limit } = accounts.population.find(stranger.pid)!;
  assert.deepEqual([space.payer.uid, space.pages, limit.soft], [OTHER, IMAGE_PAGES + 1, 300]);
});
