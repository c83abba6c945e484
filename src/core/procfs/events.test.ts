/** `events` and what poll(2) says of `events` and `ctl`: who reads waits until something has happened. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, OTHER, OWNER, open, paperMachine, ROOT } from "../../../test/support/paper-machine.ts";
import type { Caller } from "../vfs/caller.ts";
import type { FileNode, Handle, OpenMode } from "../vfs/node.ts";
import { type Outcome, Parked } from "../vfs/parked.ts";
import { walk } from "../vfs/walk.ts";
import { DEFAULT_OPTIONS } from "./options.ts";
import { procFileSystem } from "./tree.ts";

/** A process to which things happen when the test says so. */
function scene() {
  const machine = paperMachine();
  const lines: string[] = [];
  /** What was asked of the log. */
  const rooms: number[] = [];
  const listeners = new Set<() => void>();
  let isStopped = false;
  const log = {
    ended: false,
    get next() {
      return lines.length + 1;
    },
    read: (from: number, room: number) => {
      rooms.push(room);
      return { text: lines[from - 1]!, next: from + 1 };
    },
  };
  machine.ports.tracer.isStopped = () => isStopped;
  machine.ports.tracer.events = (_process, news) => {
    listeners.add(news);
    return { log, close: () => void listeners.delete(news) };
  };
  const tell = (): void => {
    for (const news of [...listeners]) news();
  };
  return {
    machine,
    listeners,
    rooms,
    happens: (line: string, stopped = isStopped) => {
      lines.push(`${line}\n`);
      isStopped = stopped;
      tell();
    },
    ends: () => {
      log.ended = true;
      tell();
    },
    opened: (mode: Partial<OpenMode> = {}, caller: Caller = OWNER): Handle => {
      const node = walk(procFileSystem(machine.ports, DEFAULT_OPTIONS).root, "446/events", caller) as FileNode;
      return node.open(caller, { read: true, write: false, exclusive: false, ...mode }) as Handle;
    },
  };
}

/** A read of so many bytes, and what has come of it so far: the text, or an errno. */
function reads(handle: Handle, count = 100, caller = OWNER) {
  const into = new Uint8Array(count);
  const told: string[] = [];
  const take = (length: number): void => void told.push(String.fromCharCode(...into.subarray(0, length)));
  const outcome: Outcome<number> = handle.read!(caller, 0, into);
  if (outcome instanceof Parked) outcome.listen({ settled: take, failed: ({ code }) => told.push(code) });
  else take(outcome);
  return { told, outcome };
}

test("a reader waits, is told what happens from its open on, and waits again", () => {
  const { happens, opened } = scene();
  happens("before");
  const handle = opened();
  const first = reads(handle);
  assert.deepEqual(first.told, []);
  happens("one");
  assert.deepEqual(first.told, ["one\n"]);
  happens("two");
  happens("three");
  assert.deepEqual(reads(handle).told, ["two\nthree\n"]);
  assert.deepEqual(reads(handle).told, []);
});

test("every reader has its own place; each of several reads that wait gets something once", () => {
  const { happens, opened } = scene();
  const [a, b] = [opened(), opened()];
  const [first, second, other] = [reads(a), reads(a), reads(b)];
  happens("one");
  assert.deepEqual([first.told, second.told, other.told], [["one\n"], [], ["one\n"]]);
  happens("two");
  assert.deepEqual([second.told, reads(b).told], [["two\n"], ["two\n"]]);
});

test("a line that is longer than the read goes on in the next one; a read of nothing does not wait", () => {
  const { happens, opened } = scene();
  const handle = opened();
  assert.deepEqual(reads(handle, 0).told, [""]);
  happens("abcdef");
  happens("gh");
  assert.deepEqual([reads(handle, 4).told, reads(handle, 4).told], [["abcd"], ["ef\ng"]]);
  happens("ij");
  assert.deepEqual([reads(handle).told, reads(handle).told], [["h\nij\n"], []]);
});

test("a read takes no more from the log than it has room for, and one line at least", () => {
  const { happens, opened, rooms } = scene();
  const handle = opened();
  happens("abcdef");
  happens("gh");
  reads(handle, 9);
  assert.deepEqual(rooms, [9, 2]);
  assert.deepEqual(reads(handle, 100).told, ["\n"]);
});

test("without waiting: EAGAIN where nothing has happened", () => {
  const { happens, opened } = scene();
  const handle = opened({ nonBlocking: true });
  assert.throws(() => reads(handle), { code: "EAGAIN" });
  happens("one");
  assert.deepEqual(reads(handle).told, ["one\n"]);
  assert.throws(() => reads(handle), { code: "EAGAIN" });
});

test("what a read says of waiting counts for more than how the file was opened", () => {
  const { opened } = scene();
  const waits = (nonBlocking?: boolean): boolean =>
    opened().read!(ROOT, 0, new Uint8Array(9), nonBlocking) instanceof Parked;
  assert.deepEqual([waits(), waits(false)], [true, true]);
  assert.throws(() => waits(true), { code: "EAGAIN" });
});

test("a read can be interrupted, and takes nothing with it; a close ends all that wait, and listening", () => {
  const { happens, opened, listeners } = scene();
  const handle = opened();
  const interrupted = reads(handle);
  (interrupted.outcome as Parked<number>).interrupt();
  const next = reads(handle);
  happens("one");
  assert.deepEqual([interrupted.told, next.told], [["EINTR"], ["one\n"]]);
  const waiting = [reads(handle), reads(handle)];
  handle.close!();
  assert.deepEqual([waiting.map(({ told }) => told), listeners.size], [[["EINTR"], ["EINTR"]], 0]);
});

test("when the process is gone what it has left is read, then the end", () => {
  const { machine, happens, ends, opened } = scene();
  const handle = opened();
  happens("exit");
  machine.kill();
  ends();
  assert.deepEqual(handle.poll!(OWNER, undefined), { readable: true, hungUp: true });
  assert.deepEqual([reads(handle).told, reads(handle).told], [["exit\n"], [""]]);
  assert.throws(() => reads(handle, 100, OTHER), { code: "ESRCH" }, "it is for who opened the file");
});

test("opened under a server before this one, something may have been missed", () => {
  const { opened } = scene();
  assert.deepEqual(reads(opened({ resumed: { memo: undefined } })).told, ["missed ?\n"]);
});

test("poll of events: readable once something has happened; who waits for that is woken once", () => {
  const { happens, opened } = scene();
  const handle = opened();
  let woken = 0;
  const wake = (): void => {
    woken++;
  };
  assert.deepEqual(handle.poll!(OWNER, wake), { readable: false, hungUp: false });
  happens("one");
  happens("two");
  assert.equal(woken, 1);
  assert.deepEqual(handle.poll!(OWNER, undefined), { readable: true, hungUp: false });
  happens("three");
  assert.equal(woken, 1, "who does not ask is not woken");
});

test("poll of ctl: urgent while the process is stopped, hung up when it has ended; only who waits listens", () => {
  const { machine, happens, ends, listeners } = scene();
  const ctl = open(machine, "ctl");
  let woken = 0;
  const wake = (): void => {
    woken++;
  };
  assert.deepEqual(ctl.poll!(ROOT, undefined), { writable: true, urgent: false, hungUp: false });
  assert.equal(listeners.size, 0);
  ctl.poll!(ROOT, wake);
  ctl.poll!(ROOT, wake);
  assert.equal(listeners.size, 1);
  happens("stopped", true);
  happens("again");
  assert.equal(woken, 1);
  assert.deepEqual(ctl.poll!(ROOT, undefined), { writable: true, urgent: true, hungUp: false });
  ctl.poll!(ROOT, wake);
  ends();
  assert.equal(woken, 2);
  assert.deepEqual(ctl.poll!(ROOT, undefined), { writable: true, urgent: false, hungUp: true }, "nobody has reaped it");
  const unheard = open(machine, "ctl");
  machine.kill();
  assert.deepEqual(unheard.poll!(ROOT, undefined), { writable: true, urgent: false, hungUp: true });
  ctl.close!();
  assert.equal(listeners.size, 0);
  open(paperMachine(), "ctl").close!();
});

test("wait SECONDS gives up after so long, and not when the stop comes before", () => {
  for (const [args, ms] of [
    ["12.25", 12_250],
    ["7", 7000],
    ["1234567.000001", 1_234_567_000.001],
    ["2147484", 2 ** 31 - 1],
    ["9999999", 2 ** 31 - 1],
  ] as const) {
    const machine = paperMachine();
    const stopped = new Parked<void>();
    machine.ports.tracer.wait = () => stopped;
    const alarms: (readonly [number, () => void])[] = [];
    const { ports } = machine;
    const clock = {
      after: (after: number, act: () => void) => {
        alarms.push([after, act]);
        return () => void alarms.pop();
      },
    };
    const write = () =>
      open({ ...machine, ports: { ...ports, clock } }, "ctl").write!(ROOT, 0, bytes(`wait ${args}`)) as Parked<number>;
    const told: (string | number)[] = [];
    write().listen({ settled: (count) => told.push(count), failed: ({ code }) => told.push(code) });
    assert.deepEqual([alarms.map(([after]) => after), told], [[ms], []]);
    alarms[0]![1]();
    assert.deepEqual(told, ["ETIMEDOUT"]);
  }
  const machine = paperMachine();
  machine.ports.clock.after = () => assert.fail("it had stopped already");
  assert.equal(open(machine, "ctl").write!(ROOT, 0, bytes("wait 1")), 6);
});

test("words that can be said twice can be said twice together; with others among them they cannot", () => {
  const repeats = (text: string): boolean => open(paperMachine(), "ctl").repeats!(bytes(text));
  assert.deepEqual(["attach; wait 3", "attach; step", "step; attach", "wait; dance"].map(repeats), [
    true,
    false,
    false,
    false,
  ]);
});
