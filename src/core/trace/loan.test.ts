import assert from "node:assert/strict";
import { test } from "node:test";
import { paperCode } from "../../../test/support/paper-code.ts";
import { PTRACE_EVENT_STOP, SYSCALL_STOP } from "../abi/ptrace.ts";
import { SIGTRAP } from "../abi/signal.ts";
import type { WaitStatus } from "../abi/wait.ts";
import type { Pid, Tid } from "../base/brand.ts";
import { Errno } from "../base/errno.ts";
import { type Borrower, type Lent, Loans } from "./loan.ts";
import type { Stop } from "./stop.ts";
import type { Thread } from "./thread-set.ts";
import { Tracee } from "./tracee.ts";

const LEADER = 100 as Tid;
const SECOND = 101 as Tid;
const SIGUSR1 = 10;
const stopped = (signal: number, event = 0): WaitStatus => ({ kind: "stopped", signal, event });
const TRAP = stopped(SIGTRAP, PTRACE_EVENT_STOP);
const AT_CALL = stopped(SIGTRAP | SYSCALL_STOP);

/** A process of two threads on paper, and one who wants to borrow. */
function scene() {
  const log: string[] = [];
  const threads = [LEADER, SECOND];
  const say = (text: string) => log.push(text);
  const tracee = new Tracee(
    LEADER as number as Pid,
    {
      seize: () => true,
      interrupt: (tid) => say(`interrupt ${tid}`),
      resume: (tid, how, signal) => say(`${how} ${tid} ${signal}`),
      detach: (tid, signal) => say(`detach ${tid} ${signal}`),
      callStop: () => undefined,
      eventMessage: () => 0,
      hasPendingTrap: () => false,
      threads: () => threads,
      kill: (signal) => say(`kill ${signal}`),
    },
    paperCode(),
    {
      stopped: () => say("stopped"),
      exited: () => say("exited"),
      detached: () => say("detached"),
      mayKeepAfterExec: () => true,
      traces: () => {},
      untraces: () => {},
    },
  );
  let back: (stop: Stop) => void = () => {};
  const borrower: Borrower = {
    begin: ({ tid, stop, shown }: Lent, giveBack) => {
      say(`lent ${tid} ${stop.kind}${shown ? " shown" : ""}`);
      back = giveBack;
    },
    stopped: (signal, event) => say(`its stop ${signal} ${event}`),
    fail: ({ code }) => say(`failed ${code}`),
  };
  tracee.attach();
  return {
    tracee,
    threads,
    borrower,
    giveBack: (kind: "trap" = "trap") => back({ kind }),
    since: () => log.splice(0),
    both: () => {
      tracee.handle(LEADER, TRAP);
      tracee.handle(SECOND, TRAP);
    },
  };
}

test("a thread is lent when all have stopped, and its stops are the borrower's", () => {
  const { tracee, borrower, both, since, giveBack } = scene();
  tracee.lend(borrower);
  since();
  both();
  assert.deepEqual([since(), tracee.mode], [["lent 100 trap shown"], "stopping"]);
  tracee.handle(LEADER, AT_CALL);
  assert.deepEqual(since(), ["its stop 133 0"]);
  giveBack();
  assert.deepEqual([since(), tracee.mode], [["stopped"], "stopped"]);
});

test("running threads are stopped for it, nobody is told, and they run on", () => {
  const { tracee, borrower, both, since, giveBack } = scene();
  both();
  tracee.run();
  since();
  tracee.lend(borrower);
  assert.deepEqual(since(), ["interrupt 100", "interrupt 101"]);
  both();
  assert.deepEqual([since(), tracee.mode], [["lent 100 trap"], "running"]);
  giveBack();
  assert.deepEqual([since(), tracee.mode], [["run 100 0", "run 101 0"], "running"]);
});

test("a signal meanwhile is reported as ever, and the thread without one is lent", () => {
  const { tracee, borrower, both, since, giveBack } = scene();
  both();
  tracee.run();
  tracee.lend(borrower);
  since();
  tracee.handle(LEADER, stopped(SIGUSR1));
  tracee.handle(SECOND, TRAP);
  assert.deepEqual(since(), ["lent 101 trap"]);
  giveBack();
  assert.deepEqual([since(), tracee.current], [["stopped"], LEADER]);
});

test("a step that takes long is interrupted for it and goes on", () => {
  const { tracee, borrower, both, since, giveBack } = scene();
  both();
  tracee.step();
  since();
  tracee.lend(borrower);
  tracee.handle(LEADER, TRAP);
  assert.deepEqual(since(), ["interrupt 100", "lent 100 trap"]);
  giveBack();
  assert.deepEqual([since(), tracee.mode], [["step 100 0"], "stepping"]);
});

test("a look at the registers waits for the return", () => {
  const { tracee, borrower, both, since, giveBack } = scene();
  both();
  tracee.lend(borrower);
  since();
  const looks: Tid[] = [];
  tracee.peek({ act: (tid) => () => looks.push(tid), fail: assert.fail });
  assert.deepEqual([looks, since()], [[], []]);
  giveBack();
  assert.deepEqual(looks, [LEADER]);
});

test("detach waits for the return, then lets all go; who still waits is told", () => {
  const { tracee, borrower, both, since, giveBack } = scene();
  both();
  tracee.lend(borrower);
  tracee.lend(borrower);
  since();
  tracee.detach();
  assert.deepEqual(since(), ["failed EBUSY"]);
  giveBack();
  assert.deepEqual(since(), ["detach 100 0", "detach 101 0", "detached"]);
  tracee.lend(borrower);
  assert.deepEqual(since(), ["failed EBUSY"]);
});

test("one who has not begun can withdraw, and what was held runs on", () => {
  const { tracee, borrower, both, since } = scene();
  both();
  tracee.run();
  tracee.lend(borrower);
  tracee.handle(LEADER, TRAP);
  since();
  assert.equal(tracee.withdraw(borrower), true);
  assert.deepEqual(since(), ["run 100 0"]);
  tracee.handle(SECOND, TRAP);
  assert.deepEqual(since(), ["run 101 0"]);
});

test("killed while lent: ESRCH once, and nothing of a late return", () => {
  const { tracee, borrower, both, since, giveBack } = scene();
  both();
  tracee.lend(borrower);
  since();
  tracee.handle(LEADER, { kind: "signaled", signal: 9 });
  tracee.handle(SECOND, { kind: "signaled", signal: 9 });
  assert.deepEqual(since(), ["failed ESRCH", "stopped", "exited"]);
  giveBack();
  assert.deepEqual(since(), []);
});

test("release delivers what a detach would drop", () => {
  const { tracee, since } = scene();
  tracee.handle(LEADER, stopped(SIGUSR1));
  tracee.handle(SECOND, TRAP);
  since();
  tracee.release();
  assert.deepEqual(since(), [`detach 100 ${SIGUSR1}`, "detach 101 0", "detached"]);
});

test("a thread born while the others run is stopped before one is lent", () => {
  const { tracee, threads, borrower, both, since } = scene();
  both();
  tracee.run();
  tracee.lend(borrower);
  threads.push(105 as Tid);
  since();
  both();
  assert.deepEqual(since(), ["interrupt 105"]);
  tracee.handle(105 as Tid, TRAP);
  assert.deepEqual(since(), ["lent 100 trap"]);
});

test("the next in the queue gets its thread before anything runs on", () => {
  const { tracee, borrower, both, since, giveBack } = scene();
  both();
  tracee.run();
  tracee.lend(borrower);
  tracee.lend(borrower);
  since();
  both();
  assert.deepEqual(since(), ["lent 100 trap"]);
  giveBack();
  assert.deepEqual(since(), ["lent 100 trap"]);
  giveBack();
  assert.deepEqual([since(), tracee.mode], [["run 100 0", "run 101 0"], "running"]);
});

test("one of two who withdraws leaves everything held for the other; one who has begun cannot", () => {
  const { tracee, borrower, both, since } = scene();
  both();
  tracee.run();
  const other: Borrower = { begin: () => assert.fail(), stopped: () => {}, fail: () => {} };
  tracee.lend(borrower);
  tracee.lend(other);
  tracee.handle(LEADER, TRAP);
  since();
  assert.equal(tracee.withdraw(other), true);
  assert.deepEqual(since(), []);
  tracee.handle(SECOND, TRAP);
  assert.deepEqual(since(), ["lent 100 trap"]);
  assert.equal(tracee.withdraw(borrower), false);
  assert.deepEqual([since(), tracee.mode], [[], "running"]);
});

test("while a thread is lent behind a step nothing is moved", () => {
  const { tracee, borrower, both, since } = scene();
  both();
  tracee.step();
  tracee.handle(LEADER, stopped(SIGTRAP));
  tracee.lend(borrower);
  since();
  tracee.makeCrashSafe();
  assert.deepEqual([since(), tracee.mode], [[], "stopping"]);
});

/** A stopped thread on paper. */
const thread = (tid: number, stop: Stop | undefined, reported = false): Thread => {
  return {
    tid: tid as Tid,
    stop,
    reported,
    asked: false,
    resumed: "run",
    overtaken: false,
    hit: undefined,
    watches: 0,
    call: undefined,
    inject: 0,
  };
};

/** A queue, and who of it was lent what. */
function queue(...names: string[]) {
  const log: string[] = [];
  const backs: ((stop: Stop) => void)[] = [];
  const loans = new Loans();
  const borrowers = names.map((name): Borrower => {
    return {
      begin: ({ tid, shown }, back) => {
        log.push(`${name} has ${tid}${shown ? " shown" : ""}`);
        backs.push(back);
      },
      stopped: (signal, event) => log.push(`${name} hears ${signal} ${event}`),
      fail: ({ code }) => log.push(`${name} ${code}`),
    };
  });
  for (const borrower of borrowers) loans.add(borrower);
  return {
    loans,
    borrowers,
    backs,
    log,
    begin: (...threads: Thread[]) => loans.begin(threads, LEADER, () => log.push("back")),
  };
}

test("a plain trap is lent first, what is about to deliver a signal last; of equals the preferred one", () => {
  const signal: Stop = { kind: "signal", signal: SIGUSR1 };
  const rows: readonly (readonly [readonly (readonly [number, Stop])[], number])[] = [
    [
      [
        [101, signal],
        [102, { kind: "step" }],
      ],
      102,
    ],
    [
      [
        [101, { kind: "exec" }],
        [102, { kind: "trap" }],
      ],
      102,
    ],
    [
      [
        [101, { kind: "clone" }],
        [102, { kind: "group", signal: 19 }],
      ],
      102,
    ],
    [
      [
        [101, { kind: "trap" }],
        [102, { kind: "group", signal: 19 }],
      ],
      101,
    ],
    [
      [
        [101, { kind: "trap" }],
        [100, { kind: "trap" }],
        [102, { kind: "trap" }],
      ],
      100,
    ],
    [
      [
        [102, signal],
        [101, signal],
        [100, signal],
      ],
      100,
    ],
    [
      [
        [102, signal],
        [101, { kind: "step" }],
        [100, signal],
      ],
      101,
    ],
    [[[100, signal]], 100],
  ];
  for (const [stops, expected] of rows) {
    const { begin, log } = queue("A");
    begin(...stops.map(([tid, stop]) => thread(tid, stop)));
    assert.deepEqual(log, [`A has ${expected}`], JSON.stringify(stops));
  }
});

test("the queue: one at a time, in order; who has a thread hears of its stops", () => {
  const { loans, borrowers, backs, log, begin } = queue("A", "B");
  const lent = thread(100, { kind: "trap" }, true);
  assert.deepEqual([loans.any, loans.lent], [true, false]);
  begin();
  begin(thread(100, undefined));
  assert.deepEqual(log, [], "nothing to lend");
  assert.equal(loans.takes(LEADER, 5, 0), false);
  begin(lent);
  assert.deepEqual([log.splice(0), loans.lent], [["A has 100 shown"], true]);
  assert.deepEqual([loans.takes(LEADER, 5, 1), loans.takes(SECOND, 5, 1)], [true, false]);
  assert.deepEqual(log.splice(0), ["A hears 5 1"]);
  assert.equal(loans.withdraw(borrowers[0]!), false);
  backs[0]!({ kind: "group", signal: 19 });
  assert.deepEqual(
    [log.splice(0), lent.stop, loans.lent, loans.any],
    [["back"], { kind: "group", signal: 19 }, false, true],
  );
  begin(lent);
  assert.deepEqual(log.splice(0), ["B has 100 shown"]);
  backs[0]!({ kind: "trap" });
  assert.deepEqual([log, loans.lent], [[], true], "what A has given back it cannot give back again");
  backs[1]!({ kind: "trap" });
  begin(lent);
  assert.deepEqual([log, loans.any], [["back"], false], "nobody waits");
});

test("the queue: a thread that is lost ends its loan; who waits can be refused, or withdraw", () => {
  const { loans, borrowers, log, begin } = queue("A", "B", "C");
  const gone = new Errno("ESRCH", "gone");
  assert.equal(loans.lost(LEADER, gone), false);
  begin(thread(100, { kind: "trap" }));
  log.length = 0;
  assert.equal(loans.lost(SECOND, gone), false);
  assert.equal(loans.lost(LEADER, gone), true);
  assert.deepEqual([log.splice(0), loans.lent, loans.any], [["A ESRCH"], false, true]);
  assert.deepEqual([loans.withdraw(borrowers[0]!), loans.withdraw(borrowers[1]!)], [false, true]);
  loans.refuse(new Errno("EBUSY", "leaving"));
  assert.deepEqual([log, loans.any], [["C EBUSY"], false]);
});
