import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PTRACE_EVENT_CLONE, PTRACE_EVENT_EXEC, PTRACE_EVENT_STOP } from "../abi/ptrace.ts";
import { SIGCONT, SIGTRAP } from "../abi/signal.ts";
import type { WaitStatus } from "../abi/wait.ts";
import type { Pid, Tid } from "../base/brand.ts";
import { Errno } from "../base/errno.ts";
import type { TraceeObserver } from "./observer.ts";
import { Tracee } from "./tracee.ts";

const SIGUSR1 = 10;
const SIGSTOP = 19;
const LEADER = 100 as Tid;
const stopped = (signal: number, event = 0): WaitStatus => ({ kind: "stopped", signal, event });
const TRAP = stopped(SIGTRAP, PTRACE_EVENT_STOP);

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
  const tracee = new Tracee(
    LEADER as number as Pid,
    {
      seize: (tid) => {
        requests.push(`seize ${tid}`);
        return true;
      },
      interrupt: (tid) => requests.push(`interrupt ${tid}`),
      resume: (tid, how, signal) => requests.push(`${how} ${tid} ${signal}`),
      detach: (tid, signal) => {
        requests.push(`detach ${tid} ${signal}`);
        if (killed.has(tid)) throw new Errno("ESRCH", "killed");
      },
      eventMessage: () => message,
      hasPendingTrap: (tid) => pendingTraps.has(tid),
      threads: () => [...threads],
      kill: (signal) => requests.push(`kill ${signal}`),
    },
    observer,
  );
  return {
    tracee,
    told,
    traced,
    threads,
    pendingTraps,
    killed,
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

test("whatever statuses come in whatever order, a thread that runs is never resumed and none is forgotten", () => {
  const status = fc.oneof(
    fc.constant(TRAP),
    fc.constant(stopped(SIGTRAP)),
    fc.constant(stopped(SIGUSR1)),
    fc.constant(stopped(SIGSTOP, PTRACE_EVENT_STOP)),
    fc.constant<WaitStatus>({ kind: "exited", code: 0 }),
  );
  const step = fc.oneof(
    fc.record({ tid: fc.integer({ min: 100, max: 103 }), status }),
    fc.constantFrom("run", "step", "deliver", "detach", "peek", "look", "safe", "halt"),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
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
          eventMessage: () => 0,
          hasPendingTrap: () => false,
          threads: () => [...alive].map((tid) => tid as Tid),
          kill: () => {},
        },
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
          if (one.status.kind === "exited") alive.delete(one.tid);
          else if (!running.has(one.tid)) continue;
          running.delete(one.tid);
          tracee.handle(one.tid as Tid, one.status);
        }
        if (tracee.mode === "gone" || tracee.mode === "stopped") assert.equal(peeks, 0, "a look was forgotten");
      }
    }),
    { numRuns: 3000 },
  );
});
