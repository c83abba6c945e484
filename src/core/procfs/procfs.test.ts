import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bytes,
  INFO,
  OTHER,
  OWNER,
  open,
  paperMachine,
  ROOT,
  TOP,
  textOf as text,
} from "../../../test/support/paper-machine.ts";
import { seeded, seedFrom } from "../../../test/support/seeded.ts";
import { exampleOf } from "../../../test/support/word-examples.ts";
import type { Pid } from "../base/brand.ts";
import { Errno } from "../base/errno.ts";
import type { Caller } from "../vfs/caller.ts";
import type { DirNode, FileNode, Handle } from "../vfs/node.ts";
import { type Outcome, Parked } from "../vfs/parked.ts";
import { walk } from "../vfs/walk.ts";
import { isSignalWord, SIGNAL_WORDS } from "./ctl/signals.ts";
import { CTL_WORDS } from "./ctl/words.ts";
import { renderStatus } from "./files/status.ts";
import { inoOf } from "./ino.ts";
import { DEFAULT_OPTIONS, type ProcfsOptions } from "./options.ts";
import type { AddressSpace, Process } from "./ports.ts";
import { QUOTAS } from "./quotas.ts";
import { PROC_NODES, THREAD_NODES } from "./table.ts";
import { procFileSystem } from "./tree.ts";

test("the line of 1993, to the letter", () => {
  assert.equal(
    renderStatus(INFO, true),
    "cat 446 439 400 81 12,0 ctty 748620684 270000 0 0 0 20000 nochan 11 20 20 20 0 21 117\n",
  );
});

test("flags, a missing terminal and a long hostile line", () => {
  const line = renderStatus(
    {
      ...INFO,
      comm: "a b",
      tty: undefined,
      sessionHasTty: false,
      sessionLeader: true,
      waitChannel: "select",
      groups: Array.from({ length: 65536 }, (_, i) => 4_000_000_000 + i),
    },
    true,
  );
  assert.ok(line.startsWith("a\\040b 446 439 400 81 -1,-1 sldr "));
  assert.equal(line.split(" ").length, 17 + 65536);
  assert.ok(renderStatus({ ...INFO, sessionLeader: true }, true).includes(" ctty,sldr "));
  assert.ok(renderStatus({ ...INFO, sessionHasTty: false }, true).includes(" noflags "));
});

/** Told when the outcome is: its value, or the errno. */
function told<T>(outcome: Outcome<T>): unknown[] {
  const told: unknown[] = [];
  if (!(outcome instanceof Parked)) return [outcome];
  outcome.listen({ settled: (value) => told.push(value), failed: ({ code }) => told.push(code) });
  return told;
}

test("memory that comes later is waited for, holes as zeros included", () => {
  const machine = paperMachine();
  const { ports } = machine;
  machine.memory.fill(5);
  const space = ports.memory.open({ pid: 446 } as Process, ROOT) as AddressSpace;
  const later: (() => void)[] = [];
  const slow: AddressSpace = {
    ...space,
    read: (address, into) => {
      const parked = new Parked<number>();
      later.push(() => {
        try {
          parked.settle(space.read(address, into) as number);
        } catch (error) {
          parked.fail(error as Errno);
        }
      });
      return parked;
    },
  };
  const slowly = { ...machine, ports: { ...ports, memory: { ...ports.memory, open: () => slow } } };
  const into = new Uint8Array(8192).fill(9);
  const seen = told(open(slowly, "mem", ROOT, { holes: "zero" }).read!(ROOT, 0, into));
  for (let next = later.shift(); next; next = later.shift()) next();
  assert.deepEqual(seen, [8192]);
  assert.deepEqual([into[0], into[4095], into[4096], into[8191]], [0, 0, 5, 5]);
});

test("what is written is taken before the permission to write it comes", () => {
  // As a transport has it: a Buffer, whose memory has the next request by then.
  for (const [name, at, text] of [
    ["mem", 4096, "abcd"],
    ["regs", 0, "efghijkl"],
    ["ctl", 0, "thread 447"],
  ] as const) {
    const machine = paperMachine();
    const permission = new Parked<void>();
    const file = open(machine, name);
    machine.ports.access.debug = () => permission;
    const data = Buffer.from(text, "latin1");
    const seen = told(file.write!(ROOT, at, data));
    data.fill(0);
    permission.settle();
    assert.deepEqual(seen, [text.length], name);
    if (name === "ctl") assert.deepEqual(machine.calls, [text]);
    else
      assert.deepEqual(
        [...(name === "mem" ? machine.memory : machine.registers).subarray(0, text.length)],
        [...bytes(text)],
      );
  }
});

test("one uid has so many files open and no more; failures and interrupts count for nothing", () => {
  const machine = paperMachine();
  const { most } = QUOTAS.openFiles;
  const handles = Array.from({ length: most }, () => open(machine, "mem", OWNER));
  assert.throws(() => open(machine, "mem", OWNER), { code: "EMFILE" });
  assert.equal(told(open(machine, "status", OTHER)).length, 1);
  for (const handle of handles) handle.close!();
  for (let i = 0; i < most + 1; i++) assert.throws(() => open(machine, "ctl", OTHER), { code: "EACCES" });
  const waiting = { ...machine, ports: { ...machine.ports } };
  waiting.ports.memory = { ...machine.ports.memory, open: () => new Parked<AddressSpace>() };
  for (let i = 0; i < most + 1; i++) {
    const parked = open(waiting, "mem", OWNER) as unknown as Parked<Handle>;
    const seen = told(parked);
    parked.interrupt();
    assert.deepEqual(seen, ["EINTR"]);
  }
  open(machine, "mem", OWNER).close!();
});

test("no two nodes share an inode number, pid by pid", () => {
  const seen = new Set([2]);
  for (let pid = 1; pid < 3000; pid++) {
    for (const slot of [1, ...PROC_NODES.map((row) => row.slot)]) {
      const ino = inoOf(pid as Pid, slot);
      assert.ok(!seen.has(ino), `${pid} ${slot}`);
      seen.add(ino);
    }
  }
  assert.deepEqual([inoOf(416 as Pid, 3), inoOf(416 as Pid, 8), inoOf(10 as Pid, 1)], [3339, 3344, 89]);
});

test("the permission bits hold without a kernel in front", () => {
  const machine = paperMachine();
  for (const name of ["mem", "regs", "ctl", "note", "notepg"]) {
    assert.throws(() => open(machine, name, OTHER), { code: "EACCES" }, name);
    assert.ok(open(machine, name, OWNER), name);
  }
  assert.ok(open(machine, "status", OTHER));
  for (const name of ["mem", "ctl"])
    assert.throws(() => open(machine, name, ROOT, { readOnly: true }), { code: "EROFS" });
});

test("opener and user must both be allowed, at every operation", () => {
  let refused = -1;
  const machine = paperMachine({ refuse: ({ uid }) => uid === refused });
  const into = new Uint8Array(8);
  const uses: [string, (handle: Handle, caller: Caller) => unknown][] = [
    ["mem", (handle, caller) => handle.read!(caller, 4096, into)],
    ["mem", (handle, caller) => handle.write!(caller, 4096, into)],
    ["regs", (handle, caller) => handle.read!(caller, 0, into)],
    ["regs.txt", (handle, caller) => handle.read!(caller, 0, into)],
    ["regs.txt", (handle, caller) => handle.write!(caller, 0, bytes("r1 1"))],
    ["stack", (handle, caller) => handle.read!(caller, 0, into)],
    ["environ", (handle, caller) => handle.read!(caller, 0, into)],
    ["regs", (handle, caller) => handle.write!(caller, 0, into)],
    ...[...CTL_WORDS.map(exampleOf), "hup"].map(
      (word) =>
        ["ctl", (handle: Handle, caller: Caller) => handle.write!(caller, 0, bytes(word))] as [
          string,
          (h: Handle, c: Caller) => unknown,
        ],
    ),
  ];
  for (const [name, use] of uses) {
    const handle = open(machine, name, OWNER);
    refused = -1;
    use(handle, ROOT);
    for (refused of [ROOT.uid, OWNER.uid])
      assert.throws(() => use(handle, ROOT), { code: "EPERM" }, `${name}, uid ${refused}`);
    refused = -1;
    machine.calls.length = 0;
  }
});

test("stack: a line each call, with what is known of it and nothing that could break the line", () => {
  assert.equal(
    text(open(paperMachine(), "stack")),
    "#0 0x401136 leaf+0x16 counter.c:12 (/bin/a\\040b)\n#1 0x7f0000001000 <signal>\n",
  );
});

test("regs.txt: every register by name; lines are written where regs has them, or none is", () => {
  const machine = paperMachine();
  const handle = open(machine, "regs.txt");
  const lines = text(handle).split("\n");
  assert.deepEqual([lines.length, lines[0], lines[26]], [28, "r0 0x706050403020100", "r26 0xd7d6d5d4d3d2d1d0"]);
  assert.deepEqual(machine.calls.splice(0), ["regs by 0"]);
  assert.equal(handle.write!(ROOT, 0, bytes("r3 0x10\n\nr1 -1\n")), 15);
  assert.deepEqual(machine.calls, ["regs 24+8 by 0,0", "regs 8+8 by 0,0"]);
  assert.throws(() => handle.write!(ROOT, 0, bytes("r3 1\nr99 1\n")), { code: "EINVAL" });
  assert.throws(() => handle.write!(ROOT, 4, bytes("r3 1\n")), { code: "EINVAL" });
  assert.equal(machine.calls.length, 2);
});

test("a text that is longer than anything it could say is refused before it is read", () => {
  const machine = paperMachine();
  for (const name of ["ctl", "note", "notepg", "regs.txt", "rlimit"])
    assert.throws(
      () => told(open(machine, name).write!(ROOT, 0, new Uint8Array(1 << 20).fill(32))),
      { code: "EMSGSIZE" },
      name,
    );
});

test("what came after 1993 is not in a directory of 1993", () => {
  const names = (options: Partial<ProcfsOptions>): string[] => {
    const dir = walk(procFileSystem(paperMachine().ports, { ...DEFAULT_OPTIONS, ...options }).root, "446", ROOT);
    return (dir as DirNode).list(ROOT).map(({ name }) => name);
  };
  assert.deepEqual(names({ profile: "1993" }), ["file", "mem", "regs", "ctl", "status", "note", "notepg"]);
  assert.deepEqual(
    names({}),
    PROC_NODES.map(({ name }) => name),
  );
});

test("a note names both who opened and who writes", () => {
  const machine = paperMachine();
  open(machine, "note", OWNER).write!(ROOT, 0, bytes("hup\n"));
  assert.deepEqual(machine.calls, ["note hup by 0,11"]);
});

test("exclusive writers of mem keep others out, readers never", () => {
  const machine = paperMachine();
  const plain = open(machine, "mem");
  assert.throws(() => open(machine, "mem", ROOT, {}, true), { code: "EBUSY" });
  plain.close!();
  const exclusive = open(machine, "mem", ROOT, {}, true);
  assert.throws(() => open(machine, "mem"), { code: "EBUSY" });
  exclusive.close!();
  open(machine, "mem").close!();
});

test("once the process is gone: ESRCH on what is open, ENOENT by name", () => {
  const machine = paperMachine();
  const names = ["mem", "regs", "ctl", "status", "note"];
  const handles = names.map((name) => open(machine, name));
  const fs = procFileSystem(machine.ports, DEFAULT_OPTIONS);
  const dir = walk(fs.root, "446", ROOT);
  machine.kill();
  for (const handle of handles) {
    if (handle.read && handle.write === undefined)
      assert.throws(() => handle.read!(ROOT, 0, new Uint8Array(8)), { code: "ESRCH" });
    if (handle.write) assert.throws(() => handle.write!(ROOT, 0, bytes("hup")), { code: "ESRCH" });
  }
  assert.throws(() => walk(fs.root, "446", ROOT), { code: "ENOENT" });
  assert.throws(() => dir.stat(ROOT), { code: "ENOENT" });
});

/** How many random requests: 10^5 usually. */
const REQUESTS = 100 * Number(process.env["LYONNAIS_RUNS"] ?? 1000);

/** What `act` returns, or the name of the errno that it throws. */
function resultOf<T>(act: () => T): T | string {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    return error.code;
  }
}

/** What becomes of a write: its length or an errno, and how many words were done. */
interface Fate {
  readonly result: number | string;
  readonly done: number;
}

const ARGUMENTS: Readonly<Record<string, RegExp>> = {
  "[SECONDS]": /^\d{1,7}(\.\d{1,6})?$/,
  TID: /^[1-9]\d{0,9}$/,
  "PLACE [thread TID] [if REGISTER==VALUE]":
    /^(0x[0-9a-fA-F]{1,13}|\S+:[1-9]\d{0,8}|(?!\d)[^+\s]+(\+(0x[0-9a-fA-F]{1,8}|\d{1,9}))?)$/,
  "PLACE BYTES r|w|rw":
    /^(0x[0-9a-fA-F]{1,13}|\S+:[1-9]\d{0,8}|(?!\d)[^+\s]+(\+(0x[0-9a-fA-F]{1,8}|\d{1,9}))?) [1-9]\d{0,2} (r|w|rw)$/,
  PLACE: /^(0x[0-9a-fA-F]{1,13}|\S+:[1-9]\d{0,8}|(?!\d)[^+\s]+(\+(0x[0-9a-fA-F]{1,8}|\d{1,9}))?)$/,
  "SIGNAL...|all": /./,
  "call NAME...|all|none": /^call ./,
  "N|all": /^([1-9]\d{0,8}|all)$/,
};

/** What procfs(5) says of one word and what stands behind it. */
function fateOfWord(node: "ctl" | "note", historic: boolean, line: string): "done" | "EINVAL" | "EOPNOTSUPP" {
  if (isSignalWord(line)) return "done";
  const [word, ...args] = historic ? [line] : line.split(/[ \t]+/);
  const row = CTL_WORDS.find((each) => each.word === word && !(historic && each.modern));
  if (node === "note" || !row) return "EOPNOTSUPP";
  if (args.length === 0) return row.takes && !row.takes.startsWith("[") ? "EINVAL" : "done";
  return row.takes && ARGUMENTS[row.takes]?.test(args.join(" ")) ? "done" : "EINVAL";
}

/** What it says of a write of `data` at `offset`, where the last one ended at `next`. */
function fateOf(node: "ctl" | "note", historic: boolean, next: number, offset: number, data: Uint8Array): Fate {
  if (offset !== 0 && offset !== next) return { result: "EINVAL", done: 0 };
  if (data.length > (node === "note" ? 64 : historic ? 8 : 4096)) return { result: "EMSGSIZE", done: 0 };
  const text = String.fromCharCode(...data);
  const said = (historic ? /^([^\0]*?)\n?(?:\0|$)/ : /^(.*?)[ \t\n\v\f\r]*$/s).exec(text)![1]!;
  const [first = "", ...others] = historic || node === "note" ? [said] : said.split(/[\n;]/);
  const more = others.map((word) => word.trim()).filter((word) => word !== "");
  const lines = [node === "ctl" && !historic ? first.trimEnd() : first, ...more];
  let done = 0;
  for (const line of lines) {
    const fate = fateOfWord(node, historic, line);
    if (fate !== "done") return { result: fate, done };
    done++;
  }
  return { result: data.length, done };
}

test("random writes to ctl and note: done once, or refused for the reason that the manual gives", () => {
  const machine = paperMachine();
  const words = [...CTL_WORDS.map(({ word }) => word), ...CTL_WORDS.map(exampleOf), ...SIGNAL_WORDS];
  const ends = ["", "\n", "\n\n", " ", "\0x", "\t \n", ";", "; hup", "\nrun\n", " 1.5", " 447", " now"];
  const random = seeded(seedFrom(99));
  let accepted = 0;
  for (const historic of [false, true]) {
    const options: Partial<ProcfsOptions> = { profile: historic ? "1993" : "default" };
    const nodes = (["ctl", "note"] as const).map((name) => ({
      name,
      handle: open(machine, name, ROOT, options),
      next: 0,
    }));
    for (let i = 0; i < REQUESTS / 2; i++) {
      const node = nodes[i % 2]!;
      const base = random(3) === 0 ? "" : words[random(words.length)]!;
      const data = bytes(base + ends[random(ends.length)]!);
      const junk = random(4) === 0 ? Uint8Array.from({ length: random(80) }, () => random(256)) : data;
      const changed = random(5) === 0 ? junk.map((byte) => (random(junk.length) === 0 ? random(256) : byte)) : junk;
      const offset = random(8) === 0 ? [node.next, random(100)][random(2)]! : 0;
      const expected = fateOf(node.name, historic, node.next, offset, changed);
      machine.calls.length = 0;
      const result = resultOf(() => node.handle.write!(ROOT, offset, changed));
      const what = `${node.name} ${JSON.stringify(String.fromCharCode(...changed))} at ${offset}`;
      assert.deepEqual({ result, done: machine.calls.length }, expected, what);
      if (typeof result === "string") continue;
      node.next = offset + changed.length;
      accepted++;
    }
  }
  assert.ok(accepted > REQUESTS / 10, `${accepted} of ${REQUESTS}`);
});

/** What there is of {@link paperMachine}'s memory from `offset` on, for `length` bytes: pages 1 and 2. */
function bytesThere(offset: number, length: number): number | "EFAULT" {
  return offset < 4096 || offset >= 12288 ? "EFAULT" : Math.min(length, 12288 - offset);
}

type Transfer = (offset: number, length: number) => number | string;

/** What a transfer gives that begins where none could: there is no such address, or nothing is asked for. */
const ofMemory =
  (there: Transfer): Transfer =>
  (offset, length) =>
    length === 0 ? 0 : offset >= 0 ? there(offset, length) : "EINVAL";

const REGISTERS = 216;
const TRANSFERS: readonly {
  readonly name: string;
  readonly options?: Partial<ProcfsOptions>;
  readonly read: Transfer;
  readonly write: Transfer;
}[] = [
  {
    name: "mem",
    read: ofMemory((offset, length) => (offset >= TOP ? 0 : bytesThere(offset, length))),
    write: ofMemory(bytesThere),
  },
  {
    name: "mem",
    options: { holes: "zero" },
    read: ofMemory((offset, length) => Math.max(0, Math.min(length, TOP - offset))),
    write: ofMemory(bytesThere),
  },
  {
    name: "regs",
    read: (offset, length) => (offset >= 0 && offset <= REGISTERS ? Math.min(length, REGISTERS - offset) : "EINVAL"),
    write: (offset, length) => (offset >= 0 && offset + length <= REGISTERS ? length : "EINVAL"),
  },
];

test("random transfers of mem and regs: as many bytes as there are, or the errno for where they begin", () => {
  const machine = paperMachine();
  const random = seeded(seedFrom(4711));
  const edges = [
    0,
    1,
    215,
    216,
    217,
    4095,
    4096,
    8191,
    12287,
    12288,
    TOP - 1,
    TOP,
    2 ** 47,
    2 ** 53,
    2 ** 63,
    -1,
    -4096,
  ];
  const handles = TRANSFERS.map(({ name, options }) => open(machine, name, ROOT, options));
  for (let i = 0; i < REQUESTS; i++) {
    const which = i % handles.length;
    const offset = [edges[random(edges.length)]!, random(70_000), random(300), Number.NaN][
      random(40) === 0 ? 3 : random(3)
    ]!;
    const buffer = new Uint8Array([0, random(9), random(300), random(70_000)][random(4)]!);
    const way = random(2) === 0 ? "read" : "write";
    const result = resultOf(() => handles[which]![way]!(ROOT, offset, buffer));
    const { name, options } = TRANSFERS[which]!;
    const what = `${way} ${name} ${options?.holes ?? ""}, ${buffer.length} bytes at ${offset}`;
    assert.equal(result, TRANSFERS[which]![way](offset, buffer.length), what);
  }
});

test("holes=zero fills what is not there, up to the top of the address space", () => {
  const machine = paperMachine();
  machine.memory.fill(1);
  const zero = open(machine, "mem", ROOT, { holes: "zero" });
  const into = new Uint8Array(0x10000);
  assert.equal(zero.read!(ROOT, 0, into), 0x10000);
  assert.deepEqual([into.indexOf(1), into.lastIndexOf(1)], [4096, 12287]);
  assert.equal(zero.read!(ROOT, 0x10000 - 8, into), 8);
  assert.equal(zero.read!(ROOT, 0x10000, into), 0);
});

test("words of one write are done in order; the first that fails ends it and says where", () => {
  const machine = paperMachine();
  const ctl = open(machine, "ctl");
  const text = "attach; wait 1.5\n\nstep;;run;\n";
  assert.equal(ctl.write!(ROOT, 0, bytes(text)), text.length);
  assert.deepEqual(machine.calls, ["attach", "wait", "step", "run"]);
  machine.calls.length = 0;
  assert.throws(() => open(machine, "ctl").write!(ROOT, 0, bytes("step; dance; run")), {
    code: "EOPNOTSUPP",
    reason: 'word 2 of 3, "dance": no control word "dance"',
  });
  assert.deepEqual(machine.calls, ["step"]);
  for (const wrong of ["step 2", "wait -1", "wait soon", "wait 1 2", "run now"])
    assert.throws(() => open(machine, "ctl").write!(ROOT, 0, bytes(wrong)), { code: "EINVAL" }, wrong);
  for (const empty of ["", " ; \n", ";"])
    assert.throws(() => open(machine, "ctl").write!(ROOT, 0, bytes(empty)), { code: "EOPNOTSUPP" }, empty);
  assert.throws(() => open(machine, "ctl").write!(ROOT, 0, bytes("x".repeat(4097))), { code: "EMSGSIZE" });
});

test("1993 knows one word a write, and nothing behind it", () => {
  const machine = paperMachine();
  const ctl = open(machine, "ctl", ROOT, { profile: "1993" });
  for (const word of ["wait 1", "run;run", "step\nr", "halt", "thread 1"])
    assert.throws(() => ctl.write!(ROOT, 0, bytes(word)), { code: "EOPNOTSUPP" }, word);
  assert.deepEqual(machine.calls, []);
});

test("permission is asked for each of several words", () => {
  let asked = 0;
  const machine = paperMachine({ refuse: () => ++asked > 2 });
  assert.throws(() => open(machine, "ctl").write!(ROOT, 0, bytes("step; run; run; run")), {
    code: "EPERM",
    reason: /^word 3 of 4/,
  });
  assert.deepEqual(machine.calls, ["step", "run"]);
});

test("lwp: a directory a thread, whose files and words are about it; numbers lead back to them", () => {
  const machine = paperMachine();
  const fs = procFileSystem(machine.ports, DEFAULT_OPTIONS);
  const lwp = walk(fs.root, "446/lwp", ROOT) as DirNode;
  assert.deepEqual(
    lwp.list(ROOT).map(({ name, kind }) => [name, kind]),
    [
      ["446", "dir"],
      ["447", "dir"],
    ],
  );
  const thread = walk(fs.root, "446/lwp/447", ROOT) as DirNode;
  assert.deepEqual(
    thread.list(ROOT).map(({ name }) => name),
    THREAD_NODES.map(({ name }) => name),
  );
  const inodes = new Set<number>();
  for (const { name, ino } of thread.list(ROOT)) {
    const node = walk(fs.root, `446/lwp/447/${name}`, ROOT);
    const { high, low } = fs.numbers.of(node);
    assert.equal(fs.numbers.node(high, low), node, name);
    assert.equal(node.stat(ROOT).ino, ino);
    inodes.add(ino);
    assert.throws(() => fs.numbers.node(high + 1, low), { code: "ESTALE" });
  }
  assert.equal(inodes.size, THREAD_NODES.length);
  assert.equal(fs.numbers.parent(thread), lwp);
  assert.equal(fs.numbers.parent(lwp), walk(fs.root, "446", ROOT));
  const file = (name: string): Handle =>
    (walk(fs.root, `446/lwp/447/${name}`, ROOT) as FileNode).open(ROOT, {
      read: true,
      write: true,
      exclusive: false,
    }) as Handle;
  assert.equal(text(file("stop")), "held\n");
  assert.equal(text(file("status")), "a\\040b 447 S 1 500000 0 20000 futex\n");
  assert.equal(text(file("wchan")), "futex\n");
  file("regs").write!(ROOT, 8, new Uint8Array(16));
  file("ctl").write!(ROOT, 0, bytes("step; wait; run"));
  assert.deepEqual(machine.calls, ["regs 8+16 of 447 by 0,0", "thread 447", "step", "wait", "run"]);
  for (const name of ["448", "0", "-1", "x"]) assert.throws(() => lwp.lookup(ROOT, name), { code: "ENOENT" }, name);
  for (const wrong of ["thread", "thread x", "thread 0", "thread 1 2"])
    assert.throws(() => open(machine, "ctl").write!(ROOT, 0, bytes(wrong)), { code: "EINVAL" }, wrong);
  machine.kill();
  assert.throws(() => lwp.list(ROOT), { code: "ENOENT" });
  assert.throws(() => lwp.lookup(ROOT, "447"), { code: "ENOENT" });
});

test("fpregs.txt: numbers as long as their registers; sig: names behind each set", () => {
  const machine = paperMachine();
  const handle = open(machine, "fpregs.txt");
  assert.equal(text(handle), `control 0x707\nv0 0x7${"07".repeat(15)}\n`);
  machine.calls.length = 0;
  const value = `v0 0x${"f".repeat(32)}\ncontrol -1\n`;
  assert.equal(handle.write!(ROOT, 0, bytes(value)), value.length);
  assert.deepEqual(machine.calls, ["fpregs 16+16 by 0,0", "fpregs 0+2 by 0,0"]);
  for (const wrong of ["control 0x10000", "control -32769", `v0 0x1${"0".repeat(32)}`, "v1 0", "v0 1e3"])
    assert.throws(() => handle.write!(ROOT, 0, bytes(wrong)), { code: "EINVAL" }, wrong);
  assert.throws(() => open(machine, "fpregs").read!(ROOT, 513, new Uint8Array(1)), { code: "EINVAL" });
  assert.equal(text(open(machine, "sig")), "pending\nthread-pending usr1\nblocked hup int\nignored\ncaught\n");
});

test("account is no word of 1993, though it is short enough", () => {
  const machine = paperMachine();
  const ctl = open(machine, "ctl", ROOT, { profile: "1993" });
  assert.throws(() => ctl.write!(ROOT, 0, bytes("account\n")), { code: "EOPNOTSUPP" });
  ctl.write!(ROOT, 0, bytes("detach\n"));
  assert.deepEqual(machine.calls, ["detach"]);
});

test("every word of the table has its handler; emt and info have no signal", () => {
  const machine = paperMachine();
  const ctl = open(machine, "ctl");
  const said = CTL_WORDS.map(exampleOf);
  for (const word of said) ctl.write!(ROOT, 0, bytes(word));
  assert.deepEqual(machine.calls, said);
  assert.equal(SIGNAL_WORDS.length, 32);
  assert.deepEqual(
    SIGNAL_WORDS.filter((word) => !isSignalWord(word)),
    ["emt", "info"],
  );
});
