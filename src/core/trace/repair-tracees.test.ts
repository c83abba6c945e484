import assert from "node:assert/strict";
import { test } from "node:test";
import { PTRACE_EVENT_EXEC, PTRACE_EVENT_FORK, PTRACE_EVENT_STOP } from "../abi/ptrace.ts";
import { Errno } from "../base/errno.ts";
import { type RepairPort, RepairTracees } from "./repair-tracees.ts";

const SIGTRAP = 5;
const SIGALRM = 14;
const SIGTSTP = 20;

/** Processes on paper: their threads by process, and what is done with them, in order. */
function machine(processes: Record<number, number[]>) {
  const did: string[] = [];
  const killed = new Set<number>();
  const foreign = new Set<number>();
  const ours = new Set<number>();
  const broken = new Set<number>();
  const asked: number[] = [];
  /** Done once, with the first seize. */
  const seizing: { meanwhile: (() => void) | undefined } = { meanwhile: undefined };
  const act = (what: string, tid: number): void => {
    if (killed.has(tid)) throw new Errno("ESRCH", `${tid}`);
    if (broken.has(tid)) throw new Errno("EIO", `${tid}`);
    did.push(what);
  };
  const port: RepairPort = {
    seize: (tid) => {
      if (foreign.has(tid)) throw new Errno("EPERM", `${tid}`);
      seizing.meanwhile?.();
      seizing.meanwhile = undefined;
      act(`seize ${tid}`, tid);
    },
    resume: (tid, signal) => act(`resume ${tid} ${signal}`, tid),
    listen: (tid) => act(`listen ${tid}`, tid),
    interrupt: (tid) => act(`interrupt ${tid}`, tid),
    detach: (tid, signal) => act(`detach ${tid} ${signal}`, tid),
    repair: (tid, signal) => act(`repair ${tid} ${signal}`, tid),
    processOf: (tid) => {
      asked.push(tid);
      return processOf(tid);
    },
    threads: (pid) => [...(processes[pid] ?? [])],
    isOurs: (tid) => ours.has(tid),
  };
  const processOf = (tid: number): number =>
    Number(Object.keys(processes).find((pid) => processes[Number(pid)]!.includes(tid)));
  const tracees = new RepairTracees(port, {
    seized: (tid) => did.push(`seized ${tid}`),
    freed: (tid) => did.push(`freed ${tid}`),
  });
  const done = (): string[] => did.splice(0);
  return { tracees, done, killed, foreign, ours, broken, asked, seizing };
}

test("a signal is delivered behind the repair", () => {
  const { tracees, done } = machine({ 10: [10, 11] });
  tracees.seize(10);
  assert.deepEqual(done(), ["seize 10", "seized 10", "seize 11", "seized 11"]);
  tracees.stopped(11, SIGALRM, 0);
  assert.deepEqual(done(), ["repair 11 14", "resume 11 14"]);
});

test("job control holds it, and it goes on afterwards", () => {
  const { tracees, done } = machine({ 10: [10] });
  tracees.seize(10);
  done();
  tracees.stopped(10, SIGTSTP, 0);
  tracees.stopped(10, SIGTSTP, PTRACE_EVENT_STOP);
  tracees.stopped(10, SIGTRAP, PTRACE_EVENT_STOP);
  assert.deepEqual(done(), ["repair 10 20", "resume 10 20", "listen 10", "resume 10 0"]);
});

test("a child is seized from birth, whoever of the two stops first, and known before it runs", () => {
  for (const childFirst of [true, false]) {
    const { tracees, done } = machine({ 10: [10], 20: [20] });
    tracees.seize(10);
    done();
    if (!childFirst) tracees.stopped(10, SIGTRAP, PTRACE_EVENT_FORK);
    tracees.stopped(20, SIGTRAP, PTRACE_EVENT_STOP);
    if (childFirst) tracees.stopped(10, SIGTRAP, PTRACE_EVENT_FORK);
    const child = ["seized 20", "resume 20 0"];
    assert.deepEqual(done(), childFirst ? [...child, "resume 10 0"] : ["resume 10 0", ...child]);
  }
});

test("exec ends it: the other threads are forgotten, and it is known to be free before it runs", () => {
  const { tracees, done } = machine({ 10: [10, 11, 12] });
  tracees.seize(10);
  done();
  tracees.stopped(10, SIGTRAP, PTRACE_EVENT_EXEC);
  assert.deepEqual(done(), ["freed 11", "freed 12", "freed 10", "detach 10 0", "freed 10"]);
  assert.equal(tracees.size, 0);
});

test("released, each thread goes at its next stop, with its signal; who asked is told when all have", () => {
  const { tracees, done } = machine({ 10: [10, 11] });
  tracees.seize(10);
  done();
  let free = 0;
  tracees.release(10, () => free++);
  tracees.release(10, () => free++);
  assert.deepEqual(done(), ["interrupt 10", "interrupt 11"]);
  tracees.stopped(11, SIGALRM, 0);
  assert.deepEqual(done(), ["repair 11 14", "freed 11", "detach 11 14", "freed 11"]);
  assert.equal(free, 0);
  tracees.stopped(10, SIGTSTP, PTRACE_EVENT_STOP);
  assert.deepEqual(done(), ["repair 10 0", "freed 10", "detach 10 0", "freed 10"]);
  assert.equal(free, 2);
  tracees.release(10, () => free++);
  assert.equal(free, 3, "one that is free is free at once");
});

test("a thread that is killed while it is let go is waited for, and its process is free then", () => {
  const { tracees, done, killed } = machine({ 10: [10] });
  tracees.seize(10);
  let free = 0;
  tracees.release(10, () => free++);
  killed.add(10);
  done();
  tracees.stopped(10, SIGTRAP, PTRACE_EVENT_STOP);
  assert.equal(free, 0);
  tracees.ended(10);
  assert.equal(free, 1);
  assert.equal(tracees.size, 0);
});

test("what another traces is refused, and leaves nothing behind", () => {
  const { tracees, foreign } = machine({ 10: [10] });
  foreign.add(10);
  assert.throws(() => tracees.seize(10), { code: "EPERM" });
  assert.equal(tracees.size, 0);
  assert.equal(tracees.has(10), false);
});

test("threads born while a process is taken are taken as well; one that exits meanwhile is left out", () => {
  const threads = [10, 12];
  const { tracees, done, killed, seizing } = machine({ 10: threads });
  killed.add(12);
  seizing.meanwhile = () => threads.push(11);
  tracees.seize(10);
  assert.deepEqual(done(), ["seize 10", "seized 10", "seize 11", "seized 11"]);
  assert.deepEqual(
    [11, 12].map((tid) => tracees.has(tid)),
    [true, false],
  );
});

test("a thread that the kernel has taken along is ours, though it cannot be seized again", () => {
  const { tracees, done, foreign, ours } = machine({ 10: [10, 11] });
  foreign.add(11);
  ours.add(11);
  tracees.seize(10);
  assert.deepEqual(done(), ["seize 10", "seized 10", "seized 11"]);
});

test("whose a thread is, is asked only of unknown ones", () => {
  const { tracees, asked } = machine({ 10: [10, 11], 20: [20] });
  tracees.seize(10);
  assert.deepEqual([tracees.processOf(11), asked.splice(0)], [10, []]);
  assert.deepEqual([tracees.processOf(20), asked], [20, [20]]);
});

test("the end of a thread that is not ours is nobody's; any other failure than its death is told", () => {
  const { tracees, done, broken } = machine({ 10: [10] });
  tracees.ended(99);
  assert.deepEqual(done(), []);
  tracees.seize(10);
  broken.add(10);
  assert.throws(() => tracees.stopped(10, SIGALRM, 0), { code: "EIO" });
  assert.throws(() => tracees.release(10, () => {}), { code: "EIO" });
  assert.throws(() => tracees.stopped(10, SIGTRAP, PTRACE_EVENT_EXEC), { code: "EIO" });
});

test("a thread killed at its stop is no error", () => {
  const { tracees, done, killed } = machine({ 10: [10, 11] });
  tracees.seize(10);
  done();
  killed.add(11);
  tracees.stopped(11, SIGALRM, 0);
  tracees.stopped(11, SIGTSTP, PTRACE_EVENT_STOP);
  tracees.release(10, () => {});
  assert.deepEqual(done(), ["interrupt 10"]);
  tracees.ended(11);
  assert.deepEqual([done(), tracees.size], [["freed 11"], 1]);
});
