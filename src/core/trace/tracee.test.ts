import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { paperCode } from "../../../test/support/paper-code.ts";
import { seedFrom } from "../../../test/support/seeded.ts";
import { PTRACE_EVENT_CLONE, PTRACE_EVENT_EXEC, PTRACE_EVENT_STOP } from "../abi/ptrace.ts";
import { SIGCONT, SIGTRAP } from "../abi/signal.ts";
import type { WaitStatus } from "../abi/wait.ts";
import type { Pid, Tid } from "../base/brand.ts";
import { Errno, type ErrnoName } from "../base/errno.ts";
import type { TraceeObserver } from "./observer.ts";
import { Tracee } from "./tracee.ts";

const SIGUSR1 = 10;
const SIGSTOP = 19;
const LEADER = 100 as Tid;
const stopped = (signal: number, event = 0): WaitStatus => ({ kind: "stopped", signal, event });
const TRAP = stopped(SIGTRAP, PTRACE_EVENT_STOP);
const EXEC = stopped(SIGTRAP, PTRACE_EVENT_EXEC);

/** A kernel on paper: records the requests and knows which threads there are. */
function machine(tids: readonly number[], keepAfterExec = true) {
  const threads = new Set(tids as Tid[]);
  const requests: string[] = [];
  const told: string[] = [];
  const traced = new Set<Tid>();
  let message = 0;
  const observer: TraceeObserver = {
    stopped: () => told.push("stopped"),
    exited: () => told.push("exited"),
    detached: () => told.push("detached"),
    mayKeepAfterExec: () => keepAfterExec,
    traces: (tid) => traced.add(tid),
    untraces: (tid) => traced.delete(tid),
  };
  const pendingTraps = new Set<Tid>();
  const killed = new Set<Tid>();
  /** What requests about a thread end with. */
  const failures = new Map<Tid, ErrnoName>();
  let listings = 0;
  const request = (text: string, tid: Tid): void => {
    requests.push(text);
    const failure = failures.get(tid);
    if (failure) throw new Errno(failure, "as the test wants it");
  };
  const tracee = new Tracee(
    LEADER as number as Pid,
    {
      seize: (tid) => {
        request(`seize ${tid}`, tid);
        return true;
      },
      interrupt: (tid) => request(`interrupt ${tid}`, tid),
      resume: (tid, how, signal) => request(`${how} ${tid} ${signal}`, tid),
      detach: (tid, signal) => {
        request(`detach ${tid} ${signal}`, tid);
        if (killed.has(tid)) throw new Errno("ESRCH", "killed");
      },
      callStop: () => undefined,
      eventMessage: () => message,
      hasPendingTrap: (tid) => pendingTraps.has(tid),
      threads: () => {
        listings++;
        return [...threads];
      },
      kill: (signal) => requests.push(`kill ${signal}`),
    },
    paperCode(),
    observer,
  );
  return {
    tracee,
    told,
    traced,
    threads,
    pendingTraps,
    killed,
    failures,
    /** How often it was asked which threads there are. */
    listings: () => listings,
    setMessage: (value: number) => {
      message = value;
    },
    /** What was asked since the last look. */
    asked: () => requests.splice(0),
  };
}

function attached(tids: readonly number[] = [LEADER], keepAfterExec = true) {
  const m = machine(tids, keepAfterExec);
  m.tracee.attach();
  for (const tid of tids) m.tracee.handle(tid as Tid, TRAP);
  assert.equal(m.tracee.mode, "stopped");
  m.asked();
  m.told.length = 0;
  return m;
}

test("attach takes and interrupts every thread and reports when all have stopped", () => {
  const m = machine([100, 101]);
  m.tracee.attach();
  assert.deepEqual(m.asked(), ["seize 100", "seize 101", "interrupt 100", "interrupt 101"]);
  m.tracee.handle(LEADER, TRAP);
  assert.deepEqual([m.tracee.mode, m.told], ["stopping", []]);
  m.tracee.handle(101 as Tid, TRAP);
  assert.deepEqual([m.tracee.mode, m.told, m.tracee.current], ["stopped", ["stopped"], 100]);
});

test("a refused seize leaves nothing traced", () => {
  const m = machine([100]);
  m.threads.clear();
  assert.throws(() => m.tracee.attach(), { code: "ESRCH" });
  assert.deepEqual([m.tracee.mode, [...m.traced]], ["gone", []]);
});

test("threads born during the stop are found before it is reported", () => {
  const m = machine([100]);
  m.tracee.attach();
  m.threads.add(105 as Tid);
  m.tracee.handle(LEADER, TRAP);
  assert.deepEqual([m.tracee.mode, m.asked().slice(-2)], ["stopping", ["seize 105", "interrupt 105"]]);
  m.tracee.handle(105 as Tid, TRAP);
  assert.equal(m.tracee.mode, "stopped");
});

test("a thread whose maker was killed before it could tell is collected", () => {
  const m = attached([100]);
  m.tracee.run();
  m.tracee.claim([LEADER, 105 as Tid]);
  assert.deepEqual([...m.traced], [100, 105]);
  m.tracee.handle(105 as Tid, { kind: "signaled", signal: 9 });
  m.tracee.handle(LEADER, { kind: "signaled", signal: 9 });
  assert.deepEqual(m.told, ["exited"]);
});

test("run resumes all without a signal; a signal stops all again and run drops it", () => {
  const m = attached([100, 101]);
  m.tracee.run();
  assert.deepEqual(m.asked(), ["run 100 0", "run 101 0"]);
  m.tracee.handle(101 as Tid, stopped(SIGUSR1));
  assert.deepEqual([m.asked(), m.tracee.current], [["interrupt 100"], 101]);
  m.tracee.handle(LEADER, TRAP);
  assert.deepEqual(m.told, ["stopped"]);
  m.tracee.run();
  assert.deepEqual(m.asked(), ["run 100 0", "run 101 0"]);
});

test("two signals at once are reported one after the other, none is lost", () => {
  const m = attached([100, 101]);
  m.tracee.run();
  m.tracee.handle(101 as Tid, stopped(SIGUSR1));
  m.tracee.handle(LEADER, stopped(12));
  assert.equal(m.tracee.current, 101);
  m.asked();
  m.tracee.run();
  assert.deepEqual([m.asked(), m.tracee.mode, m.tracee.current, m.told], [[], "stopped", 100, ["stopped", "stopped"]]);
  m.tracee.run();
  assert.deepEqual(m.asked(), ["run 100 0", "run 101 0"]);
});

test("a step of a thread with a signal that nobody was shown reports that; the next one goes", () => {
  const m = attached([100, 101]);
  m.tracee.run();
  m.tracee.handle(101 as Tid, stopped(SIGUSR1));
  m.tracee.handle(LEADER, stopped(12));
  m.asked();
  m.tracee.choose(LEADER);
  m.tracee.step();
  assert.deepEqual([m.asked(), m.tracee.mode, m.told], [[], "stopped", ["stopped", "stopped"]]);
  const { thread, why } = m.tracee.report;
  assert.deepEqual([thread, why], [LEADER, { kind: "signal", signal: 12 }]);
  m.tracee.step();
  assert.deepEqual([m.asked(), m.tracee.mode], [["step 100 0"], "stepping"]);
});

test("step moves the current thread only", () => {
  const m = attached([100, 101]);
  m.tracee.step();
  assert.deepEqual([m.asked(), m.tracee.mode], [["step 100 0"], "stepping"]);
  m.tracee.handle(LEADER, stopped(SIGTRAP));
  assert.deepEqual([m.tracee.mode, m.told], ["stopped", ["stopped"]]);
});

test("deliver gives the signal to a thread that has one, and sends it to one that has none", () => {
  const m = attached();
  m.tracee.deliver(SIGUSR1);
  assert.deepEqual(m.asked(), [`kill ${SIGUSR1}`, "run 100 0"]);
  m.tracee.handle(LEADER, stopped(SIGUSR1));
  assert.deepEqual([m.asked(), m.tracee.mode], [[`run 100 ${SIGUSR1}`], "running"]);
  m.tracee.handle(LEADER, stopped(SIGUSR1));
  assert.equal(m.tracee.mode, "stopped");
  m.tracee.deliver(12);
  assert.deepEqual(m.asked(), ["run 100 12"]);
});

test("detach delivers what nobody was shown and drops what was", () => {
  const m = attached([100, 101]);
  m.tracee.run();
  m.tracee.handle(101 as Tid, stopped(SIGUSR1));
  m.tracee.handle(LEADER, stopped(12));
  m.asked();
  m.tracee.detach();
  assert.deepEqual(m.asked(), ["detach 100 12", "detach 101 0"]);
  assert.deepEqual([m.tracee.mode, m.told.at(-1), m.traced.size], ["gone", "detached", 0]);
});

test("detach of a running process stops it first", () => {
  const m = attached();
  m.tracee.run();
  m.asked();
  m.tracee.detach();
  assert.deepEqual(m.asked(), ["interrupt 100"]);
  m.tracee.handle(LEADER, TRAP);
  assert.deepEqual(m.asked(), ["detach 100 0"]);
});

test("a thread that is killed as it is let go stays ours until its exit is collected", () => {
  const m = attached([100, 101]);
  m.killed.add(101 as Tid);
  m.tracee.detach();
  assert.deepEqual([m.tracee.mode, [...m.traced], m.told], ["detaching", [101], []]);
  m.tracee.handle(101 as Tid, { kind: "signaled", signal: 9 });
  assert.deepEqual([m.tracee.mode, [...m.traced], m.told], ["gone", [], ["detached"]]);
});

test("detach during a step waits for the SIGTRAP the step leaves behind", () => {
  const m = attached();
  m.tracee.step();
  m.tracee.detach();
  m.asked();
  m.pendingTraps.add(LEADER);
  m.tracee.handle(LEADER, TRAP);
  assert.deepEqual(m.asked(), ["run 100 0"]);
  m.tracee.handle(LEADER, stopped(SIGTRAP));
  assert.deepEqual(m.asked(), ["detach 100 0"]);
});

test("exec leaves one thread, stopped; refused, the process is let go at once", () => {
  const kept = attached([100, 101]);
  kept.tracee.run();
  kept.threads.delete(101 as Tid);
  kept.asked();
  kept.tracee.handle(LEADER, stopped(SIGTRAP, PTRACE_EVENT_EXEC));
  assert.deepEqual([kept.tracee.mode, kept.asked(), kept.told], ["stopping", ["interrupt 100", "run 100 0"], []]);
  kept.tracee.handle(LEADER, TRAP);
  assert.deepEqual([kept.tracee.report.why, kept.told], [{ kind: "exec" }, ["stopped"]]);
  assert.deepEqual([kept.tracee.mode, [...kept.traced]], ["stopped", [100]]);
  const dropped = attached([100], false);
  dropped.tracee.run();
  dropped.asked();
  dropped.tracee.handle(LEADER, stopped(SIGTRAP, PTRACE_EVENT_EXEC));
  assert.deepEqual([dropped.asked(), dropped.told], [["detach 100 0"], ["detached"]]);
});

test("a new thread is taken along; a process made by clone is let go", () => {
  const m = attached();
  m.tracee.run();
  m.asked();
  m.setMessage(101);
  m.threads.add(101 as Tid);
  m.tracee.handle(LEADER, stopped(SIGTRAP, PTRACE_EVENT_CLONE));
  m.tracee.handle(101 as Tid, TRAP);
  assert.deepEqual(m.asked(), ["run 100 0", "run 101 0"]);
  m.setMessage(102);
  m.tracee.handle(LEADER, stopped(SIGTRAP, PTRACE_EVENT_CLONE));
  m.tracee.handle(102 as Tid, TRAP);
  assert.deepEqual([m.asked(), m.traced.has(102 as Tid)], [["run 100 0", "detach 102 0"], false]);
});

test("a job-control stop is ended by run with a SIGCONT that nobody sees", () => {
  const m = machine([100]);
  m.tracee.attach();
  m.tracee.handle(LEADER, stopped(SIGSTOP, PTRACE_EVENT_STOP));
  m.asked();
  m.tracee.run();
  assert.deepEqual(m.asked(), [`kill ${SIGCONT}`, "run 100 0"]);
  m.tracee.handle(LEADER, TRAP);
  m.tracee.handle(LEADER, stopped(SIGCONT));
  assert.deepEqual([m.asked(), m.tracee.mode], [["run 100 0", "run 100 0"], "running"]);
});

test("a peek interrupts the running thread for a moment and is no stop", () => {
  const m = attached();
  m.tracee.run();
  m.asked();
  const seen: number[] = [];
  m.tracee.peek({ act: (tid) => () => seen.push(tid), fail: assert.fail });
  assert.deepEqual([m.asked(), seen], [["interrupt 100"], []]);
  m.tracee.handle(LEADER, TRAP);
  assert.deepEqual([m.asked(), seen, m.tracee.mode, m.told], [["run 100 0"], [100], "running", []]);
});

test("halt stops every thread without a signal; what reports meanwhile is the reason", () => {
  const m = attached([100, 101]);
  m.tracee.run();
  m.asked();
  m.tracee.halt();
  assert.deepEqual(m.asked(), ["interrupt 100", "interrupt 101"]);
  m.tracee.handle(LEADER, TRAP);
  m.tracee.handle(101 as Tid, TRAP);
  assert.deepEqual([m.tracee.report.why, m.tracee.mode], [{ kind: "halt" }, "stopped"]);
  m.tracee.halt();
  assert.equal(m.told.length, 1);
  m.tracee.run();
  m.tracee.halt();
  m.tracee.handle(101 as Tid, stopped(SIGUSR1));
  m.tracee.handle(LEADER, TRAP);
  assert.deepEqual(m.tracee.report.why, { kind: "signal", signal: SIGUSR1 });
  assert.equal(m.tracee.current, 101);
});

test("a step that halt overtakes is over before the stop is told", () => {
  const m = attached();
  m.tracee.step();
  m.tracee.halt();
  m.pendingTraps.add(LEADER);
  m.asked();
  m.tracee.handle(LEADER, TRAP);
  assert.deepEqual([m.asked(), m.tracee.mode], [["run 100 0"], "stopping"]);
  m.tracee.handle(LEADER, stopped(SIGTRAP));
  assert.deepEqual([m.tracee.report.why, m.told], [{ kind: "halt" }, ["stopped"]]);
});

test("the reason of a stop outlives the move to where the target survives", () => {
  const m = attached();
  m.tracee.step();
  m.tracee.handle(LEADER, stopped(SIGTRAP));
  m.tracee.makeCrashSafe();
  m.tracee.handle(LEADER, TRAP);
  assert.deepEqual(m.tracee.report.why, { kind: "step" });
});

test("a look at one thread fails when that exits, one at the current thread is at another then", () => {
  const m = attached([100, 101]);
  m.tracee.run();
  const seen: unknown[] = [];
  m.tracee.peek({ act: (tid) => () => seen.push(tid), fail: ({ code }) => seen.push(code) }, LEADER);
  m.tracee.peek({ act: (tid) => () => seen.push(tid), fail: ({ code }) => seen.push(code) });
  m.tracee.handle(LEADER, { kind: "exited", code: 0 });
  assert.deepEqual(seen, ["ESRCH"]);
  m.tracee.handle(101 as Tid, TRAP);
  assert.deepEqual(seen, ["ESRCH", 101]);
  m.tracee.peek({ act: () => assert.fail(), fail: ({ code }) => seen.push(code) }, 999 as Tid);
  assert.equal(seen[2], "ESRCH");
});

test("a stop after a step is made crash-safe without running", () => {
  const m = attached();
  m.tracee.step();
  m.tracee.handle(LEADER, stopped(SIGTRAP));
  m.asked();
  m.tracee.makeCrashSafe();
  assert.deepEqual(m.asked(), ["interrupt 100", "run 100 0"]);
  m.tracee.handle(LEADER, TRAP);
  assert.equal(m.tracee.mode, "stopped");
  m.tracee.makeCrashSafe();
  assert.deepEqual(m.asked(), []);
});

test("the end of the current thread moves on to another, the last one's ends it all", () => {
  const m = attached([100, 101]);
  m.tracee.run();
  m.tracee.handle(LEADER, { kind: "exited", code: 0 });
  assert.equal(m.tracee.current, 101);
  m.tracee.handle(101 as Tid, { kind: "signaled", signal: 9 });
  assert.deepEqual([m.tracee.mode, m.told], ["gone", ["exited"]]);
});

const SECOND = 101 as Tid;
const SIGUSR2 = 12;

test("the first thread is the current one wherever it is listed; where it has exited, another one is", () => {
  const later = machine([101, 100]);
  later.tracee.attach();
  assert.equal(later.tracee.current, LEADER);
  const exited = machine([101, 102]);
  exited.tracee.attach();
  assert.equal(exited.tracee.current, 101);
});

test("a thread that exits while it is taken is left out; a refusal leaves nothing traced", () => {
  const exits = machine([100, 101]);
  exits.failures.set(SECOND, "ESRCH");
  exits.tracee.attach();
  assert.deepEqual([...exits.traced], [100]);
  exits.tracee.handle(LEADER, TRAP);
  assert.equal(exits.tracee.mode, "stopped");

  const refused = machine([100, 101]);
  refused.failures.set(SECOND, "EPERM");
  assert.throws(() => refused.tracee.attach(), { code: "EPERM" });
  assert.equal(refused.tracee.mode, "detaching");
  refused.tracee.handle(LEADER, TRAP);
  assert.deepEqual([refused.tracee.mode, [...refused.traced], refused.told], ["gone", [], ["detached"]]);
});

test("what only a stopped process can do is refused while it runs", () => {
  const m = attached();
  m.tracee.run();
  for (const act of [() => m.tracee.run(), () => m.tracee.step(), () => m.tracee.deliver(SIGUSR1)])
    assert.throws(act, /not stopped/);
});

test("threads born while all run are found before the next stop is told; during a step none is looked for", () => {
  for (const begin of ["run", "deliver"] as const) {
    const m = attached();
    if (begin === "run") m.tracee.run();
    else m.tracee.deliver(SIGUSR1);
    m.threads.add(105 as Tid);
    m.tracee.handle(LEADER, stopped(SIGUSR2));
    assert.deepEqual([m.tracee.mode, m.asked().slice(-2)], ["stopping", ["seize 105", "interrupt 105"]], begin);
    m.tracee.handle(105 as Tid, TRAP);
    assert.equal(m.tracee.mode, "stopped");
    const listings = m.listings();
    m.tracee.step();
    m.tracee.handle(LEADER, stopped(SIGTRAP));
    assert.deepEqual([m.tracee.mode, m.listings()], ["stopped", listings]);
  }
});

test("a signal that is delivered goes to the current thread and to no other", () => {
  const m = attached([100, 101]);
  m.tracee.run();
  m.tracee.handle(SECOND, stopped(SIGUSR1));
  m.tracee.handle(LEADER, TRAP);
  m.asked();
  m.tracee.deliver(SIGUSR2);
  assert.deepEqual(m.asked(), ["run 100 0", "run 101 12"]);
});

test("behind a step a signal is delivered directly", () => {
  const m = attached();
  m.tracee.step();
  m.tracee.handle(LEADER, stopped(SIGTRAP));
  m.asked();
  m.tracee.deliver(SIGUSR1);
  assert.deepEqual(m.asked(), [`run 100 ${SIGUSR1}`]);
});

test("a signal that was sent and comes when all are being stopped is reported, not passed on", () => {
  const m = attached([100, 101]);
  m.tracee.deliver(SIGUSR1);
  m.tracee.handle(SECOND, stopped(SIGUSR2));
  m.asked();
  m.tracee.handle(LEADER, stopped(SIGUSR1));
  assert.deepEqual([m.asked(), m.tracee.mode, m.tracee.current], [[], "stopped", 101]);
  m.tracee.run();
  assert.deepEqual([m.tracee.mode, m.tracee.current], ["stopped", 100]);
});

test("a SIGCONT of ours is dropped once, also in a step, and nothing else in its place", () => {
  const jobStopped = () => {
    const m = machine([100, 101]);
    m.tracee.attach();
    m.tracee.handle(LEADER, stopped(SIGSTOP, PTRACE_EVENT_STOP));
    m.tracee.handle(SECOND, TRAP);
    m.asked();
    m.told.length = 0;
    return m;
  };
  const stepped = jobStopped();
  stepped.tracee.step();
  stepped.tracee.handle(LEADER, stopped(SIGCONT));
  assert.deepEqual(
    [stepped.asked(), stepped.tracee.mode],
    [[`kill ${SIGCONT}`, "step 100 0", "step 100 0"], "stepping"],
  );

  const other = jobStopped();
  other.tracee.run();
  other.tracee.handle(SECOND, stopped(SIGUSR1));
  assert.deepEqual([other.tracee.mode, other.tracee.current], ["stopping", 101], "another signal is reported");

  const twice = jobStopped();
  twice.tracee.run();
  twice.tracee.handle(LEADER, stopped(SIGCONT));
  assert.equal(twice.tracee.mode, "running");
  twice.tracee.handle(LEADER, stopped(SIGCONT));
  assert.equal(twice.tracee.mode, "stopping", "the second one is somebody else's");

  const unasked = attached();
  unasked.tracee.run();
  unasked.tracee.handle(LEADER, stopped(SIGCONT));
  assert.deepEqual(unasked.told, ["stopped"]);
});

test("a process that was let go is not let go again", () => {
  const m = attached();
  m.tracee.detach();
  m.tracee.detach();
  assert.deepEqual([m.asked(), m.told], [["detach 100 0"], ["detached"]]);
});

test("a trap that was sent, and is not a step's, is the target's own: it is reported, and delivered by a detach", () => {
  const m = attached([100, 101]);
  m.tracee.run();
  m.tracee.handle(LEADER, stopped(SIGUSR1));
  m.tracee.handle(SECOND, stopped(SIGTRAP));
  m.asked();
  m.tracee.detach();
  assert.deepEqual(m.asked(), ["detach 100 0", `detach 101 ${SIGTRAP}`]);
  const waiting = attached();
  waiting.pendingTraps.add(LEADER);
  waiting.tracee.detach();
  assert.deepEqual(waiting.asked(), ["detach 100 0"]);
});

test("a thread that continues reports no stop", () => {
  const m = attached();
  m.tracee.run();
  m.asked();
  m.tracee.handle(LEADER, { kind: "continued" });
  assert.deepEqual([m.asked(), m.tracee.mode], [[], "running"]);
});

test("the end of a thread that is not the current one changes nothing; that of an unknown one neither", () => {
  const m = attached([100, 101, 102]);
  m.tracee.run();
  m.tracee.handle(SECOND, stopped(SIGUSR1));
  m.tracee.handle(LEADER, TRAP);
  m.tracee.handle(102 as Tid, TRAP);
  m.told.length = 0;
  m.tracee.handle(102 as Tid, { kind: "exited", code: 0 });
  m.tracee.vanished(999 as Tid);
  assert.deepEqual([m.tracee.current, m.tracee.mode, m.told, [...m.traced]], [101, "stopped", [], [100, 101]]);
  m.tracee.handle(SECOND, { kind: "exited", code: 0 });
  m.tracee.handle(LEADER, { kind: "exited", code: 0 });
  m.tracee.vanished(LEADER);
  assert.deepEqual(m.told, ["exited"]);
});

test("when the thread that does a step ends, the stop of the others is told", () => {
  const m = attached([100, 101]);
  m.tracee.step();
  m.tracee.handle(LEADER, { kind: "exited", code: 0 });
  assert.deepEqual([m.tracee.mode, m.tracee.current, m.told], ["stopped", 101, ["stopped"]]);
});

test("a thread born during a step is held", () => {
  const m = attached();
  m.tracee.step();
  m.setMessage(101);
  m.threads.add(SECOND);
  m.asked();
  m.tracee.handle(SECOND, TRAP);
  m.tracee.handle(LEADER, stopped(SIGTRAP, PTRACE_EVENT_CLONE));
  assert.deepEqual([m.asked(), m.tracee.mode], [["step 100 0"], "stepping"]);
  m.tracee.handle(LEADER, stopped(SIGTRAP));
  assert.equal(m.tracee.mode, "stopped", "it is stopped, and known to be");
});

test("a thread that stops by itself when it is born is not interrupted", () => {
  const m = attached([100, 102]);
  m.tracee.run();
  m.setMessage(101);
  m.threads.add(SECOND);
  m.tracee.handle(LEADER, stopped(SIGTRAP, PTRACE_EVENT_CLONE));
  m.tracee.claim([105 as Tid]);
  m.asked();
  m.tracee.handle(102 as Tid, stopped(SIGUSR1));
  assert.deepEqual(m.asked(), ["interrupt 100"]);
  for (const tid of [100, 101, 105]) m.tracee.handle(tid as Tid, TRAP);
  assert.equal(m.tracee.mode, "stopped");
});

test("a claim of a thread that is known and stopped leaves it stopped; one that is new and runs is left alone", () => {
  const m = attached();
  m.tracee.claim([LEADER, 105 as Tid]);
  m.tracee.run();
  assert.deepEqual(m.asked(), ["run 100 0"]);
});

test("a process made by clone is let go also when it ends first, or in that very moment", () => {
  const born = (tid: number) => {
    const m = attached();
    m.tracee.run();
    m.setMessage(tid);
    m.tracee.handle(LEADER, stopped(SIGTRAP, PTRACE_EVENT_CLONE));
    m.asked();
    return m;
  };
  const ended = born(102);
  ended.tracee.handle(102 as Tid, { kind: "continued" });
  assert.ok(ended.traced.has(102 as Tid));
  ended.tracee.handle(102 as Tid, { kind: "signaled", signal: 9 });
  assert.deepEqual([ended.asked(), [...ended.traced], ended.told], [[], [100], []]);
  const killed = born(102);
  killed.killed.add(102 as Tid);
  killed.tracee.handle(102 as Tid, TRAP);
  assert.ok(killed.traced.has(102 as Tid), "its exit is still to be collected");
  killed.tracee.vanished(102 as Tid);
  assert.deepEqual([[...killed.traced], killed.told, killed.tracee.mode], [[100], [], "running"]);
  const broken = born(102);
  broken.failures.set(102 as Tid, "EIO");
  assert.throws(() => broken.tracee.handle(102 as Tid, TRAP), { code: "EIO" });
});

test("a thread killed in the moment of a request is no error; another failure is told", () => {
  for (const [code, fails] of [
    ["ESRCH", false],
    ["EIO", true],
  ] as const) {
    const acts: readonly ((m: ReturnType<typeof attached>) => void)[] = [
      ({ tracee }) => tracee.run(),
      ({ tracee }) => tracee.detach(),
    ];
    for (const act of acts) {
      const m = attached();
      m.failures.set(LEADER, code);
      if (fails) assert.throws(() => act(m), { code });
      else act(m);
    }
    const m = attached();
    m.tracee.run();
    m.failures.set(LEADER, code);
    if (fails) assert.throws(() => m.tracee.detach(), { code });
    else m.tracee.detach();
  }
});

test("a look waits for the current thread, whoever else stops, and moves on with it", () => {
  const m = attached([100, 101]);
  m.tracee.run();
  const seen: string[] = [];
  m.tracee.peek({ act: (tid) => () => seen.push(`seen ${tid}`), fail: ({ code }) => seen.push(code) });
  m.tracee.handle(SECOND, TRAP);
  assert.equal(seen.length, 0);
  m.tracee.handle(LEADER, { kind: "exited", code: 0 });
  m.tracee.handle(SECOND, TRAP);
  assert.deepEqual(seen, ["seen 101"]);
  m.tracee.detach();
  m.tracee.peek({ act: () => assert.fail(), fail: ({ code }) => seen.push(code) });
  assert.deepEqual(seen, ["seen 101", "EBUSY"]);
});

test("it is stopped for a controller from the moment it is told, also while a thread is moved, until it runs", () => {
  const m = machine([100]);
  m.tracee.attach();
  assert.equal(m.tracee.isStopped, false);
  m.tracee.handle(LEADER, TRAP);
  assert.equal(m.tracee.isStopped, true);
  m.tracee.step();
  assert.equal(m.tracee.isStopped, false);
  m.tracee.handle(LEADER, stopped(SIGTRAP));
  assert.equal(m.tracee.isStopped, true);
  m.tracee.makeCrashSafe();
  assert.deepEqual([m.tracee.mode, m.tracee.isStopped], ["stopping", true]);
  m.tracee.handle(LEADER, TRAP);
  m.tracee.run();
  assert.equal(m.tracee.isStopped, false);
  m.tracee.detach();
  m.tracee.handle(LEADER, TRAP);
  assert.equal(m.tracee.isStopped, false);
});

test("words are about the thread that was chosen; one that is not there cannot be, and none while all run", () => {
  const m = attached([100, 101]);
  m.tracee.choose(SECOND);
  assert.equal(m.tracee.current, 101);
  assert.throws(() => m.tracee.choose(999 as Tid), { code: "ESRCH" });
  m.tracee.step();
  assert.deepEqual(m.asked(), ["step 101 0"]);
  assert.throws(() => m.tracee.choose(LEADER), /not stopped/);
});

test("a look at one thread is about that one: it fails when the thread ends, others go on", () => {
  const m = attached([100, 101, 102]);
  m.tracee.run();
  m.asked();
  const seen: string[] = [];
  const look = (name: string) => ({
    act: (tid: Tid) => () => seen.push(`${name} ${tid}`),
    fail: ({ code }: Errno) => seen.push(`${name} ${code}`),
  });
  m.tracee.peek(look("a"), SECOND);
  m.tracee.peek(look("b"), 102 as Tid);
  m.tracee.peek(look("c"), 999 as Tid);
  assert.deepEqual([m.asked(), seen.splice(0)], [["interrupt 101", "interrupt 102"], ["c ESRCH"]]);
  m.tracee.handle(SECOND, { kind: "exited", code: 0 });
  assert.deepEqual(seen.splice(0), ["a ESRCH"]);
  m.tracee.handle(102 as Tid, TRAP);
  assert.deepEqual(seen.splice(0), ["b 102"]);
  m.tracee.peek(look("d"), LEADER);
  m.tracee.detach();
  m.tracee.handle(102 as Tid, TRAP);
  m.tracee.handle(LEADER, { kind: "exited", code: 0 });
  assert.equal(seen.length, 1, "whoever waits is told that it is over");
});

test("whatever statuses come in whatever order, a thread that runs is never resumed and none is forgotten", () => {
  const status = fc.oneof(
    fc.constant(TRAP),
    fc.constant(stopped(SIGTRAP)),
    fc.constant(stopped(SIGUSR1)),
    fc.constant(stopped(SIGSTOP, PTRACE_EVENT_STOP)),
    fc.constant<WaitStatus>({ kind: "exited", code: 0 }),
    fc.constant(EXEC),
  );
  const step = fc.oneof(
    fc.record({ tid: fc.integer({ min: 100, max: 103 }), status }),
    fc.constantFrom("run", "step", "deliver", "detach", "peek", "look", "safe", "halt"),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const running = new Set<number>([100, 101, 102, 103]);
      const alive = new Set<number>(running);
      const traced = new Set<number>();
      let peeks = 0;
      const tracee = new Tracee(
        100 as Pid,
        {
          seize: () => true,
          interrupt: (tid) => {
            if (!alive.has(tid)) throw new Errno("ESRCH", "gone");
          },
          resume: (tid) => {
            assert.ok(!running.has(tid), `resumed ${tid}, which runs`);
            running.add(tid);
          },
          detach: (tid) => {
            assert.ok(!running.has(tid), `detached ${tid}, which runs`);
          },
          callStop: () => undefined,
          eventMessage: () => 0,
          hasPendingTrap: () => false,
          threads: () => [...alive].map((tid) => tid as Tid),
          kill: () => {},
        },
        paperCode(),
        {
          stopped: () =>
            assert.ok(
              [...traced].every((tid) => !running.has(tid)),
              "reported while a thread runs",
            ),
          exited: () => assert.equal(traced.size, 0),
          detached: () => assert.equal(traced.size, 0),
          mayKeepAfterExec: () => true,
          traces: (tid) => traced.add(tid),
          untraces: (tid) => traced.delete(tid),
        },
      );
      tracee.attach();
      for (const one of steps) {
        if (typeof one === "string") {
          if (one === "detach") tracee.detach();
          else if (one === "peek") {
            peeks++;
            const told = (): void => {
              peeks--;
            };
            tracee.peek({ act: () => told, fail: told });
          } else if (one === "halt") tracee.halt();
          else if (one === "look") {
            peeks++;
            const told = (): void => {
              peeks--;
            };
            tracee.peek({ act: () => told, fail: told }, 102 as Tid);
          } else if (tracee.mode !== "stopped") continue;
          else if (one === "run") tracee.run();
          else if (one === "step") tracee.step();
          else if (one === "deliver") tracee.deliver(SIGUSR1);
          else if (one === "safe") tracee.makeCrashSafe();
        } else if (traced.has(one.tid) && alive.has(one.tid)) {
          if (one.status === EXEC) {
            // Only a thread that runs executes, which leaves no other.
            if (one.tid !== LEADER || !running.has(one.tid)) continue;
            for (const other of [...alive]) if (other !== one.tid) alive.delete(other);
            for (const other of [...running]) if (other !== one.tid) running.delete(other);
          }
          if (one.status.kind === "exited") alive.delete(one.tid);
          else if (!running.has(one.tid)) continue;
          running.delete(one.tid);
          tracee.handle(one.tid as Tid, one.status);
        }
        if (tracee.mode === "gone" || tracee.mode === "stopped") assert.equal(peeks, 0, "a look was forgotten");
      }
    }),
    { numRuns: 3000, seed: seedFrom(1) },
  );
});
