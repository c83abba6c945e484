import assert from "node:assert/strict";
import { test } from "node:test";
import { paperCode } from "../../../test/support/paper-code.ts";
import {
  PTRACE_EVENT_EXEC,
  PTRACE_EVENT_FORK,
  PTRACE_EVENT_STOP,
  PTRACE_EVENT_VFORK,
  PTRACE_EVENT_VFORK_DONE,
  SYSCALL_STOP,
} from "../abi/ptrace.ts";
import { SIGTRAP } from "../abi/signal.ts";
import type { WaitStatus } from "../abi/wait.ts";
import type { Pid, Tid } from "../base/brand.ts";
import { Errno } from "../base/errno.ts";
import type { CallStop } from "./ptrace-port.ts";
import { Tracee } from "./tracee.ts";

const SIGUSR1 = 10;
const A = 100 as Tid;
const B = 101 as Tid;
const CHILD = 200 as Tid;
const PLACE = 0x4000;
const stopped = (signal: number, event = 0): WaitStatus => ({ kind: "stopped", signal, event });
const TRAP = stopped(SIGTRAP, PTRACE_EVENT_STOP);
const STEPPED = stopped(SIGTRAP);

/** A stopped process of these threads on paper. All that is asked of the kernel and of its memory is in one log. */
function scene(...tids: Tid[]) {
  const log: string[] = [];
  const say = (text: string) => log.push(text);
  const pendingTraps = new Set<Tid>();
  const callStops: CallStop[] = [];
  const code = paperCode(log);
  for (const tid of tids) code.counters.set(tid, 0x1000);
  const tracee = new Tracee(
    A as number as Pid,
    {
      seize: () => true,
      interrupt: (tid) => say(`interrupt ${tid}`),
      resume: (tid, how, signal) => say(`${how} ${tid}${signal ? ` with ${signal}` : ""}`),
      detach: (tid, signal) => say(`detach ${tid}${signal ? ` with ${signal}` : ""}`),
      callStop: () => callStops.shift(),
      eventMessage: () => CHILD,
      hasPendingTrap: (tid) => pendingTraps.delete(tid),
      threads: () => tids,
      kill: (signal) => say(`kill ${signal}`),
    },
    code,
    {
      stopped: (isNew) => say(isNew ? "told" : "told again"),
      exited: () => say("exited"),
      detached: () => say("detached"),
      mayKeepAfterExec: () => true,
      traces: () => {},
      untraces: () => {},
    },
  );
  tracee.attach();
  for (const tid of tids) tracee.handle(tid, TRAP);
  log.length = 0;
  return {
    tracee,
    code,
    pendingTraps,
    callStops,
    since: () => log.splice(0),
    breakAt: (address = PLACE, more = {}) => tracee.addBreakpoint({ kind: "break", address, asked: "", ...more }),
    /** The thread executes the breakpoint instruction. */
    hits: (tid: Tid, address = PLACE) => {
      code.trap(tid, address);
      tracee.handle(tid, STEPPED);
    },
  };
}

test("breakpoints are in memory before the first thread goes, and out of it before a stop is told", () => {
  const { tracee, since, breakAt, hits } = scene(A, B);
  breakAt();
  assert.deepEqual(since(), ["report forks of 100 101"]);
  tracee.run();
  assert.deepEqual(since(), [`plant ${PLACE}`, "run 100", "run 101"]);
  hits(B);
  assert.deepEqual(since(), [`pc 101 ${PLACE}`, "interrupt 100"]);
  tracee.handle(A, TRAP);
  assert.deepEqual(since(), [`restore ${PLACE}`, "told"]);
  assert.deepEqual(tracee.report.why, { kind: "break", number: 1, address: PLACE });
  assert.deepEqual([tracee.current, tracee.breakpoints[0]!.hits], [B, 1]);
});

test("a thread goes off its breakpoint alone, before the others run with the breakpoints in memory", () => {
  const { tracee, since, breakAt, hits, code } = scene(A, B);
  breakAt();
  tracee.run();
  hits(B);
  tracee.handle(A, TRAP);
  since();
  tracee.run();
  assert.deepEqual(since(), ["off 101"]);
  code.counters.set(B, PLACE + 4);
  tracee.handle(B, STEPPED);
  assert.deepEqual(since(), [`plant ${PLACE}`, "run 100", "run 101"]);
});

test("who comes there in the same moment is told after the next run, and nobody before that goes on", () => {
  const { tracee, since, breakAt, hits, code } = scene(A, B);
  breakAt();
  tracee.run();
  hits(B);
  hits(A);
  assert.deepEqual([tracee.current, tracee.mode], [B, "stopped"]);
  since();
  tracee.run();
  assert.deepEqual([since(), tracee.current, tracee.breakpoints[0]!.hits], [["told"], A, 2]);
  tracee.run();
  assert.deepEqual(since(), ["off 100"]);
  code.counters.set(A, PLACE + 4);
  tracee.handle(A, STEPPED);
  assert.deepEqual(since(), ["off 101"]);
});

test("what waits to be told outlives the move to where the target survives, and is dropped with its breakpoint", () => {
  const { tracee, since, breakAt, hits } = scene(A, B);
  breakAt();
  tracee.run();
  hits(B);
  hits(A);
  since();
  tracee.makeCrashSafe();
  assert.deepEqual(since(), ["interrupt 100", "run 100"]);
  tracee.handle(A, TRAP);
  assert.deepEqual([since(), tracee.current], [["told again"], B]);
  assert.deepEqual(tracee.reportOf(A).why, { kind: "break", number: 1, address: PLACE });
  tracee.clearBreakpoints(1);
  tracee.run();
  assert.deepEqual(since(), ["run 100", "run 101"]);
});

test("a breakpoint whose condition or thread does not hold is passed without anybody being told", () => {
  const { tracee, since, breakAt, hits, code } = scene(A, B);
  breakAt(PLACE, { condition: { register: "rdi", value: 7n } });
  breakAt(PLACE, { thread: A });
  code.registers.set("rdi", 6n);
  tracee.run();
  since();
  hits(B);
  assert.deepEqual(since(), [`pc 101 ${PLACE}`, "interrupt 100"]);
  tracee.handle(A, TRAP);
  assert.deepEqual(since(), [`restore ${PLACE}`, "off 101"]);
  code.counters.set(B, PLACE + 4);
  tracee.handle(B, STEPPED);
  assert.deepEqual(since(), [`plant ${PLACE}`, "run 100", "run 101"]);
  code.registers.set("rdi", 7n);
  hits(A);
  tracee.handle(B, TRAP);
  assert.deepEqual(
    tracee.breakpoints.map((row) => row.hits),
    [1, 1],
  );
});

test("a signal on the way off a breakpoint is told; the thread then goes off all the same", () => {
  const { tracee, since, breakAt, hits } = scene(A);
  breakAt();
  tracee.run();
  hits(A);
  tracee.run();
  since();
  tracee.handle(A, stopped(SIGUSR1));
  assert.deepEqual([since(), tracee.report.why], [["told"], { kind: "signal", signal: SIGUSR1 }]);
  tracee.deliver(SIGUSR1);
  assert.deepEqual(since(), ["off 100"]);
  tracee.handle(A, STEPPED);
  // The instruction is done before the handler begins, so it does not come back to the breakpoint.
  assert.deepEqual(since(), [`plant ${PLACE}`, `run 100 with ${SIGUSR1}`]);
});

test("a breakpoint on a system call is left by beginning it: it may block", () => {
  const { tracee, since, breakAt, hits, code } = scene(A);
  code.calls.add(PLACE);
  breakAt();
  tracee.run();
  hits(A);
  since();
  tracee.run();
  assert.deepEqual(since(), ["call 100"]);
  tracee.handle(A, stopped(SIGTRAP | SYSCALL_STOP));
  assert.deepEqual(since(), [`plant ${PLACE}`, "run 100"]);
});

test("halt on the way off a breakpoint stops the process there", () => {
  const { tracee, since, breakAt, hits } = scene(A, B);
  breakAt();
  tracee.run();
  hits(A);
  tracee.handle(B, TRAP);
  tracee.run();
  since();
  tracee.halt();
  assert.deepEqual(since(), ["interrupt 100"]);
  tracee.handle(A, TRAP);
  assert.deepEqual([since(), tracee.report.why], [["told"], { kind: "halt" }]);
});

test("the end of a thread on its way off lets the others go", () => {
  const { tracee, since, breakAt, hits } = scene(A, B);
  breakAt();
  tracee.run();
  hits(B);
  tracee.handle(A, TRAP);
  tracee.run();
  since();
  tracee.handle(B, { kind: "signaled", signal: 9 });
  assert.deepEqual(since(), [`plant ${PLACE}`, "run 100"]);
});

test("a detach takes the breakpoints out first, while threads run; a trap that was under way is no signal", () => {
  const { tracee, since, breakAt, hits } = scene(A, B);
  breakAt();
  tracee.run();
  since();
  tracee.detach();
  assert.deepEqual(since(), [`restore ${PLACE}`, "interrupt 100", "interrupt 101"]);
  hits(A);
  tracee.handle(B, TRAP);
  assert.deepEqual(since(), [`pc 100 ${PLACE}`, "detach 100", "detach 101", "detached"]);
});

test("where memory takes its time nobody goes, is told or is let go before it is done", () => {
  const { tracee, since, breakAt, hits, code } = scene(A, B);
  breakAt();
  since();
  code.later = true;
  tracee.run();
  assert.deepEqual([since(), tracee.mode], [[`plant ${PLACE}`], "running"]);
  code.waiting.shift()!();
  assert.deepEqual(since(), ["run 100", "run 101"]);
  hits(A);
  tracee.handle(B, TRAP);
  assert.deepEqual(since().at(-1), `restore ${PLACE}`);
  assert.equal(tracee.mode, "stopping");
  tracee.detach();
  assert.deepEqual(since(), []);
  code.waiting.shift()!();
  assert.deepEqual(since(), ["detach 100", "detach 101", "detached"]);
});

test("a halt while breakpoints are put in stops the process before it has run", () => {
  const { tracee, since, breakAt, code } = scene(A);
  breakAt();
  code.later = true;
  tracee.run();
  tracee.halt();
  since();
  code.waiting.shift()!();
  assert.deepEqual(since(), [`restore ${PLACE}`]);
  code.waiting.shift()!();
  assert.deepEqual([since(), tracee.report.why], [["told"], { kind: "halt" }]);
});

test("a child of fork gets its bytes back before it is let go", () => {
  const { tracee, since, breakAt } = scene(A);
  breakAt();
  tracee.run();
  since();
  tracee.handle(A, stopped(SIGTRAP, PTRACE_EVENT_FORK));
  assert.deepEqual(since(), ["run 100"]);
  tracee.handle(CHILD, TRAP);
  assert.deepEqual(since(), [`restore ${PLACE} in 200`, "detach 200"]);
});

test("while a child of vfork has the memory all threads are held, and no breakpoint is there", () => {
  const { tracee, since, breakAt } = scene(A, B);
  breakAt();
  tracee.run();
  since();
  tracee.handle(A, stopped(SIGTRAP, PTRACE_EVENT_VFORK));
  assert.deepEqual(since(), ["interrupt 101"]);
  tracee.handle(CHILD, TRAP);
  assert.deepEqual(since(), [], "not let go while the others may still run");
  tracee.handle(B, TRAP);
  assert.deepEqual(since(), [`restore ${PLACE}`, "detach 200", "run 100"]);
  tracee.handle(A, stopped(SIGTRAP, PTRACE_EVENT_VFORK_DONE));
  assert.deepEqual(since(), [`plant ${PLACE}`, "run 100", "run 101"]);
});

test("an exec drops the breakpoints; their numbers are not given again before that", () => {
  const { tracee, since, breakAt } = scene(A);
  breakAt();
  tracee.clearBreakpoints("all");
  assert.equal(breakAt().number, 2);
  assert.throws(() => tracee.clearBreakpoints(1), { code: "ENOENT" });
  tracee.run();
  since();
  tracee.handle(A, stopped(SIGTRAP, PTRACE_EVENT_EXEC));
  assert.deepEqual(since(), ["forget", "interrupt 100", "run 100"]);
  assert.deepEqual(tracee.breakpoints, []);
});

test("a place without memory is marked, and the others are set", () => {
  const { tracee, breakAt, hits, code } = scene(A);
  breakAt();
  breakAt(0x10);
  code.holes.add(0x10);
  tracee.run();
  hits(A);
  assert.deepEqual(
    tracee.breakpoints.map((row) => [row.hits, row.missing]),
    [
      [1, false],
      [0, true],
    ],
  );
});

test("a trap that a breakpoint did not raise is the target's own", () => {
  const { tracee, breakAt } = scene(A);
  breakAt();
  tracee.run();
  tracee.handle(A, STEPPED);
  assert.deepEqual(tracee.report.why, { kind: "signal", signal: SIGTRAP });
});

test("a trap that an interrupt has overtaken is collected before the stop is told, or the thread let go", () => {
  for (const word of ["halt", "detach"] as const) {
    const { tracee, since, breakAt, hits, code, pendingTraps } = scene(A);
    breakAt();
    tracee.run();
    tracee[word]();
    since();
    code.counters.set(A, PLACE + 1);
    pendingTraps.add(A);
    tracee.handle(A, TRAP);
    assert.deepEqual(since(), ["run 100"]);
    hits(A);
    const end = word === "halt" ? [`restore ${PLACE}`, "told"] : ["detach 100", "detached"];
    assert.deepEqual(since(), [`pc 100 ${PLACE}`, ...end]);
    if (word === "halt") assert.deepEqual(tracee.report.why, { kind: "break", number: 1, address: PLACE });
  }
});

const VARIABLE = 0x8004;

test("a watchpoint is in the registers of every thread that goes on, also of a new one, and gone when it is let go", () => {
  const { tracee, since, breakAt, code } = scene(A, B);
  breakAt(VARIABLE, { kind: "watch", watch: { length: 12, access: "w" } });
  since();
  tracee.run();
  const set = `${VARIABLE}+4 w, ${VARIABLE + 4}+8 w`;
  assert.deepEqual(since(), [`watch 100 ${set}`, "run 100", `watch 101 ${set}`, "run 101"]);
  tracee.claim([B, CHILD]);
  tracee.handle(CHILD, TRAP);
  assert.deepEqual(since(), [`watch 200 ${set}`, "run 200"]);
  code.memory.set(VARIABLE, 6);
  code.touched.set(B, [1]);
  tracee.handle(B, STEPPED);
  tracee.handle(A, TRAP);
  tracee.handle(CHILD, TRAP);
  assert.deepEqual(tracee.report.why, { kind: "watch", number: 1, address: VARIABLE, old: 0n, new: 6n });
  since();
  tracee.run();
  assert.deepEqual(since(), ["run 100", "run 101", "run 200"]);
  tracee.detach();
  for (const tid of [A, B, CHILD]) tracee.handle(tid, TRAP);
  assert.deepEqual(
    since().filter((line) => line.startsWith("watch")),
    ["watch 100 ", "watch 101 ", "watch 200 "],
  );
});

test("a step that touches what is watched is told as that; reading is told from writing by the value", () => {
  const { tracee, since, breakAt, code } = scene(A);
  breakAt(VARIABLE, { kind: "watch", watch: { length: 4, access: "r" } });
  tracee.step();
  code.touched.set(A, [0]);
  tracee.handle(A, STEPPED);
  assert.equal(tracee.report.why.kind, "watch");
  tracee.run();
  since();
  code.touched.set(A, [0]);
  code.memory.set(VARIABLE, 9);
  tracee.handle(A, STEPPED);
  assert.deepEqual(since(), ["run 100"], "that was a write");
  code.touched.set(A, [0]);
  tracee.handle(A, STEPPED);
  assert.deepEqual([since(), tracee.breakpoints[0]!.hits], [["told"], 2]);
});

test("more than the processor can watch is refused, and takes nothing", () => {
  const { tracee, breakAt } = scene(A);
  breakAt(VARIABLE, { kind: "watch", watch: { length: 24, access: "rw" } });
  assert.throws(() => breakAt(VARIABLE, { kind: "watch", watch: { length: 4, access: "w" } }), { code: "ENOSPC" });
  assert.equal(tracee.breakpoints.length, 1);
});

test("where a word sends the current thread ends with the next stop, whatever that is; it is not listed", () => {
  const { tracee, since, breakAt, hits, code } = scene(A, B);
  breakAt(PLACE, { kind: "finish", thread: A, condition: { register: "rsp", value: 0x8000n, orMore: true } });
  assert.deepEqual(tracee.breakpoints, []);
  tracee.run();
  code.registers.set("rsp", 0x7ff8n);
  hits(A);
  tracee.handle(B, TRAP);
  code.counters.set(A, PLACE + 4);
  tracee.handle(A, STEPPED);
  since();
  code.registers.set("rsp", 0x8008n);
  hits(A);
  tracee.handle(B, TRAP);
  assert.deepEqual([since().at(-1), tracee.report.why.kind], ["told", "finish"]);
  tracee.run();
  assert.deepEqual(since(), ["run 100", "run 101"]);
  tracee.halt();
  for (const tid of [A, B]) tracee.handle(tid, TRAP);
  breakAt(PLACE, { kind: "until", thread: A });
  tracee.run();
  tracee.handle(B, stopped(SIGUSR1));
  tracee.handle(A, TRAP);
  since();
  tracee.run();
  assert.deepEqual(since(), ["run 100", "run 101"]);
});

test("an ignored signal is delivered and not told, in every mode, and behind the instruction of a breakpoint", () => {
  const { tracee, since, breakAt, hits, code } = scene(A, B);
  tracee.ignore([SIGUSR1], false);
  tracee.run();
  since();
  tracee.handle(A, stopped(SIGUSR1));
  assert.deepEqual(since(), [`run 100 with ${SIGUSR1}`]);
  tracee.halt();
  tracee.handle(A, stopped(SIGUSR1));
  tracee.handle(B, TRAP);
  assert.deepEqual([since().at(-1), tracee.report.why], ["told", { kind: "halt" }]);
  breakAt();
  tracee.run();
  assert.deepEqual(since().slice(-2), [`run 100 with ${SIGUSR1}`, "run 101"]);
  hits(A);
  tracee.handle(B, stopped(SIGUSR1));
  since();
  tracee.run();
  tracee.handle(A, stopped(SIGUSR1));
  assert.deepEqual(since(), ["off 100", "off 100"]);
  code.counters.set(A, PLACE + 4);
  tracee.handle(A, STEPPED);
  assert.deepEqual(since(), [`plant ${PLACE}`, `run 100 with ${SIGUSR1}`, `run 101 with ${SIGUSR1}`]);
  tracee.ignore([SIGUSR1], true);
  tracee.handle(A, stopped(SIGUSR1));
  tracee.handle(B, TRAP);
  assert.deepEqual(tracee.report.why, { kind: "signal", signal: SIGUSR1 });
});

test("an ignored signal of a thread that is let go is delivered", () => {
  const { tracee, since } = scene(A);
  tracee.ignore([SIGUSR1], false);
  tracee.run();
  tracee.halt();
  tracee.handle(A, stopped(SIGUSR1));
  since();
  tracee.detach();
  assert.deepEqual(since(), [`detach 100 with ${SIGUSR1}`, "detached"]);
});

test("a step goes on after an interrupt that was under way when another thread passed a breakpoint", () => {
  const { tracee, since, breakAt, hits } = scene(A, B);
  breakAt(PLACE, { thread: A });
  tracee.run();
  hits(A);
  hits(B);
  assert.equal(tracee.current, A);
  tracee.step();
  since();
  tracee.handle(A, TRAP);
  assert.deepEqual(since(), ["step 100"]);
});

test("traced calls are told where they are entered and left, others are passed; a breakpoint is left all the same", () => {
  const { tracee, since, callStops, breakAt, hits, code } = scene(A);
  const enter = (number: number): CallStop => ({ at: "enter", number, args: [1n, 2n] });
  const atCall = stopped(SIGTRAP | SYSCALL_STOP);
  tracee.traceCalls(new Set([9]));
  tracee.run();
  assert.deepEqual(since(), ["call 100"]);
  callStops.push(enter(5), { at: "leave", result: 0n }, enter(9));
  for (let i = 0; i < 3; i++) tracee.handle(A, atCall);
  assert.deepEqual(since(), ["call 100", "call 100", "told"]);
  assert.deepEqual(tracee.report.why, { kind: "syscall", number: 9, args: [1n, 2n] });
  tracee.run();
  callStops.push({ at: "leave", result: -12n });
  tracee.handle(A, atCall);
  assert.deepEqual(tracee.report.why, { kind: "syscall", number: 9, args: [1n, 2n], result: -12n });
  code.calls.add(PLACE);
  breakAt();
  tracee.run();
  hits(A);
  tracee.run();
  callStops.push(enter(9));
  since();
  tracee.handle(A, atCall);
  assert.deepEqual([since(), tracee.report.why.kind], [["told"], "syscall"]);
  code.counters.set(A, PLACE + 2);
  tracee.traceCalls(undefined);
  tracee.run();
  assert.deepEqual(since(), [`plant ${PLACE}`, "run 100"]);
});

test("a breakpoint that is set on the system call where the thread stands is left by beginning it, too", () => {
  const { tracee, since, breakAt, code } = scene(A, B);
  code.counters.set(A, PLACE);
  code.calls.add(PLACE);
  breakAt(PLACE, { isCall: true });
  since();
  tracee.run();
  assert.deepEqual(since(), ["call 100"]);
});

test("debug registers that somebody else has leave the watchpoint missing, and nobody behind", () => {
  const { tracee, since, breakAt, code } = scene(A, B);
  breakAt(PLACE, { kind: "watch", watch: { length: 4, access: "w" } });
  const { setWatches } = code;
  code.setWatches = () => {
    throw new Errno("ENOSPC", "perf has them");
  };
  since();
  tracee.run();
  assert.deepEqual([since(), tracee.breakpoints[0]!.missing], [["run 100", "run 101"], true]);
  tracee.halt();
  for (const tid of [A, B]) tracee.handle(tid, TRAP);
  code.setWatches = setWatches;
  since();
  tracee.run();
  const set = `${PLACE}+4 w`;
  assert.deepEqual(since(), [`watch 100 ${set}`, "run 100", `watch 101 ${set}`, "run 101"]);
  assert.equal(tracee.breakpoints[0]!.missing, false);
});

test("where breakpoints are being put in or taken out is known until that is done", () => {
  const { tracee, breakAt, code, hits } = scene(A);
  breakAt();
  assert.deepEqual(tracee.changing, []);
  code.later = true;
  tracee.run();
  assert.deepEqual(tracee.changing, [PLACE]);
  code.waiting.shift()!();
  assert.deepEqual(tracee.changing, []);
  hits(A);
  assert.deepEqual(tracee.changing, [PLACE]);
  code.waiting.shift()!();
  assert.deepEqual([tracee.changing, tracee.mode], [[], "stopped"]);
});

test("a child that shares the memory of a process that is killed is let go, without breakpoints", () => {
  for (const isEarly of [true, false]) {
    const { tracee, since, breakAt } = scene(A, B);
    breakAt();
    tracee.run();
    tracee.handle(A, stopped(SIGTRAP, PTRACE_EVENT_VFORK));
    // While the other thread runs the child is held.
    if (isEarly) tracee.handle(CHILD, TRAP);
    since();
    for (const tid of [A, B]) tracee.handle(tid, { kind: "signaled", signal: 9 });
    if (!isEarly) {
      assert.deepEqual(since(), ["exited"]);
      tracee.handle(CHILD, TRAP);
    }
    const away = [`restore ${PLACE} in 200`, "detach 200"];
    assert.deepEqual(since(), isEarly ? [...away, "exited"] : away);
  }
});
