import assert from "node:assert/strict";
import { test } from "node:test";
import { PTRACE_EVENT_STOP, SYSCALL_STOP } from "../abi/ptrace.ts";
import { SIGTRAP } from "../abi/signal.ts";
import type { WaitStatus } from "../abi/wait.ts";
import type { Pid, Tid } from "../base/brand.ts";
import type { Borrower, Lent } from "./loan.ts";
import type { Stop } from "./stop.ts";
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
  const say = (text: string) => log.push(text);
  const tracee = new Tracee(
    LEADER as number as Pid,
    {
      seize: () => true,
      interrupt: (tid) => say(`interrupt ${tid}`),
      resume: (tid, how, signal) => say(`${how} ${tid} ${signal}`),
      detach: (tid, signal) => say(`detach ${tid} ${signal}`),
      eventMessage: () => 0,
      hasPendingTrap: () => false,
      threads: () => [LEADER, SECOND],
      kill: (signal) => say(`kill ${signal}`),
    },
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
