/** What each file of a process and of the root says, and takes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, OTHER, OWNER, open, paperMachine, ROOT, textOf } from "../../../test/support/paper-machine.ts";
import { Errno } from "../base/errno.ts";
import { latin1 } from "../base/text.ts";
import type { Caller } from "../vfs/caller.ts";
import type { LinkNode } from "../vfs/node.ts";
import { Parked } from "../vfs/parked.ts";
import { walk } from "../vfs/walk.ts";
import { renderMapLine } from "./files/map.ts";
import { DEFAULT_OPTIONS, type ProcfsOptions } from "./options.ts";
import type { AddressSpace, Process } from "./ports.ts";
import { procFileSystem } from "./tree.ts";

type Machine = ReturnType<typeof paperMachine>;

const TEXTS: readonly (readonly [name: string, text: string, options?: Partial<ProcfsOptions>])[] = [
  ["status", "a\\040b 446 439 400 81 12,0 ctty 748620684 270000 0 0 0 20000 nochan 11 20 20 20 0 21 117\n"],
  [
    "status",
    "a b 446 439 400 81 12,0 ctty 748620684 270000 0 0 0 20000 nochan 11 20 20 20 0 21 117\n",
    { profile: "1993" },
  ],
  ["map", "0x1000 0x3000 1 1 0x1000 rw- 1 0 0x0 NCOW NNC default /a\\040b CH 11\n"],
  ["rlimit", "stack 8388608 -1\nswap 268435456 536870912\n"],
  ["nomem", "1234.567 mmap 8192 rlimit 268431360 268435456\n"],
  ["auxv", "auxv\0"],
  ["cmdline", "cmdline\0"],
  ["environ", "environ\0"],
  ["file", "\x7fELF", { executable: "contents" }],
  ["swap", "total 4096\nreserved 8192\novercommit 2\nsupply -1\n"],
  ["accounts", "11 8192 -1 12288 1 1 2 4096\n"],
  ["accounts-check", ""],
  ["jobs", "3 a\\040b 446 2 8192 -1 12288 1\n4 - -1 0 0 4096 0 0\n"],
  ["observed", "446 11 EBUSY: a debugger has it\n"],
];

for (const [name, text, options = {}] of TEXTS) {
  test(`${name}${options.profile ? `, ${options.profile}` : ""}: what it says`, () => {
    const handle = open(paperMachine({ info: { comm: "a b" } }), name, ROOT, options);
    assert.equal(textOf(handle), text);
    const into = new Uint8Array(3);
    assert.equal(handle.read!(ROOT, text.length, into), 0);
    assert.equal(handle.read!(ROOT, 1, into), Math.min(3, Math.max(0, text.length - 1)));
  });
}

test("accounts-check has a line for each total that is not true", () => {
  const machine = paperMachine();
  machine.ports.accounts.check = () => ["uid 11: a", "job 2: b"];
  assert.equal(textOf(open(machine, "accounts-check")), "uid 11: a\njob 2: b\n");
});

test("a map line of memory that no file backs and nobody pays for has no name and no uid", () => {
  const line = { start: 0x1000, end: 0x2000, resident: 0, privateResident: 0, object: 0, rights: "---", references: 0 };
  const rest = { shadows: 0, flags: 0, copyOnWrite: false, needsCopy: false, type: "none", path: undefined } as const;
  const text = renderMapLine({ ...line, ...rest, payer: undefined });
  assert.equal(text, "0x1000 0x2000 0 0 0 --- 0 0 0x0 NCOW NNC none - NCH -1\n");
});

test("a map is not for who may not debug the process any more once its text is there", () => {
  let asked = 0;
  const machine = paperMachine({ refuse: () => ++asked > 1 });
  const text = new Parked<Uint8Array>();
  machine.ports.accounts.map = () => text;
  const opened = open(machine, "map") as unknown as Parked<unknown>;
  const told: string[] = [];
  opened.listen({ settled: () => told.push("ok"), failed: ({ code }) => told.push(code) });
  assert.deepEqual(told, []);
  text.settle(latin1("what another may see\n"));
  assert.deepEqual(told, ["EPERM"]);
});

test("a frame whose symbol is not known is ??", () => {
  const machine = paperMachine();
  const frame = { pc: 0x10, module: "/a", symbol: undefined, offset: 0, file: undefined, line: undefined };
  machine.ports.inspection.stack = () => [{ ...frame, isSignalFrame: false }];
  assert.equal(textOf(open(machine, "stack")), "#0 0x10 ?? (/a)\n");
});

test("links lead where the process is, and say so to whoever asks", () => {
  const machine = paperMachine();
  const { root } = procFileSystem(machine.ports, DEFAULT_OPTIONS);
  for (const [name, target] of [
    ["file", "/bin/cat"],
    ["cwd", "/of/cwd"],
    ["root", "/of/root"],
  ] as const) {
    const node = walk(root, `446/${name}`, ROOT) as LinkNode;
    assert.deepEqual([node.kind, node.readlink(ROOT), node.stat(ROOT).mode], ["link", target, 0o777]);
  }
});

test("the figures are brought up to date before they are shown", () => {
  for (const name of ["swap", "accounts", "accounts-check", "map"]) {
    const machine = paperMachine();
    const settling = new Parked<void>();
    machine.ports.accounts.settle = () => settling;
    const opened = open(machine, name) as unknown as Parked<Parameters<typeof textOf>[0]>;
    assert.ok(opened instanceof Parked && !opened.ended, name);
    settling.settle();
    assert.ok(opened.ended, name);
  }
});

/** What is written where, by root to what its owner has opened; what comes of it, and what was asked of the machine. */
const WRITES: readonly (readonly [name: string, text: string, result: "ok" | string, calls?: readonly string[]])[] = [
  ["swap", "overcommit 3\n", "ok", ["overcommit 3 by 0"]],
  ["swap", "  overcommit \t 7  ", "ok", ["overcommit 7 by 0"]],
  ["swap", "overcommit 0", "ok", ["overcommit 0 by 0"]],
  ...[
    "overcommit 8",
    "overcommit 12",
    "overcommit -1",
    "overcommit",
    "overcommit 1 2",
    "total 1",
    "",
    "overcommit x1",
  ].map((text) => ["swap", text, "EINVAL"] as const),
  ["rlimit", "swap 4096\n", "ok", ["swap 4096 4096 by 11"]],
  ["rlimit", "swap 1 2", "ok", ["swap 1 2 by 11"]],
  ["rlimit", "swap infinity", "ok", ["swap Infinity Infinity by 11"]],
  ["rlimit", "swap 0 -1", "ok", ["swap 0 Infinity by 11"]],
  ["rlimit", "swap 999999999999999", "ok", ["swap 999999999999999 999999999999999 by 11"]],
  ...["swap", "swap 0x10", "swap 1k", "swap 1 2 3", "swap -2", "swap 1000000000000000", "stack 1", "swap 1 x", ""].map(
    (text) => ["rlimit", text, "EINVAL"] as const,
  ),
  ["regs.txt", "  r0   0xFFffFFffFFffFFff  \n", "ok", ["regs by 11", "regs 0+8 by 11,11"]],
  ["regs.txt", "r26 0\nr1 18446744073709551615", "ok", ["regs by 11", "regs 208+8 by 11,11", "regs 8+8 by 11,11"]],
  ["regs.txt", "r2 -9223372036854775808", "ok", ["regs by 11", "regs 16+8 by 11,11"]],
  ["regs.txt", "\n \n", "ok", ["regs by 11"]],
  ...[
    ...["r27 1", "r1", "r1 1 2", "r1 0x", "r1 1f", "r1 0x10000000000000000", "r1 18446744073709551616", "r1 x0x1"],
    ...["r1 -9223372036854775809", "r1 --1", "r1 -0x1", "1 r1", "r1 0x1z"],
  ].map((text) => ["regs.txt", text, "EINVAL", ["regs by 11"]] as const),
];

for (const [name, text, result, calls = []] of WRITES) {
  test(`${name} takes ${JSON.stringify(text)}: ${result}`, () => {
    const machine = paperMachine();
    const opener = name === "swap" ? ROOT : OWNER;
    const handle = open(machine, name, opener);
    const write = () => handle.write!(ROOT, 0, bytes(text));
    if (result === "ok") assert.equal(write(), text.length);
    else assert.throws(write, { code: result });
    assert.deepEqual(machine.calls, calls);
    assert.throws(() => handle.write!(ROOT, 1, bytes(text)), { code: "EINVAL" }, "only at the beginning");
  });
}

test("a register gets the value that is said, whatever its sign", () => {
  const machine = paperMachine();
  open(machine, "regs.txt").write!(ROOT, 0, bytes("r0 -2\nr1 0x0102030405060708\nr2 10\n"));
  assert.deepEqual([...machine.registers.subarray(0, 8)], [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
  assert.deepEqual([...machine.registers.subarray(8, 24)], [8, 7, 6, 5, 4, 3, 2, 1, 10, 0, 0, 0, 0, 0, 0, 0]);
});

test("registers are read for who reads and who has opened; where there is nothing to read nobody is stopped", () => {
  const machine = paperMachine();
  const regs = open(machine, "regs", OWNER);
  assert.equal(regs.read!(ROOT, 216, new Uint8Array(8)), 0);
  assert.equal(regs.read!(ROOT, 8, new Uint8Array()), 0);
  assert.equal(regs.write!(ROOT, 8, new Uint8Array()), 0);
  assert.deepEqual(machine.calls, []);
  const into = new Uint8Array(8);
  assert.equal(regs.read!(ROOT, 8, into), 8);
  assert.deepEqual([[...into], machine.calls], [[8, 9, 10, 11, 12, 13, 14, 15], ["regs by 11,11"]]);
});

test("a file of registers that is opened to be written is not read first", () => {
  const machine = paperMachine();
  const node = walk(procFileSystem(machine.ports, DEFAULT_OPTIONS).root, "446/regs.txt", ROOT);
  assert.ok(node.kind === "file");
  const handle = node.open(ROOT, { read: false, write: true, exclusive: false });
  assert.ok(!(handle instanceof Parked));
  assert.deepEqual([machine.calls, handle.read], [[], undefined]);
  assert.equal(handle.write!(ROOT, 0, bytes("r1 1")), 4);
});

test("what is written is taken before the permission to write it comes", () => {
  for (const [name, text, calls] of [
    ["ctl", "attach", ["attach"]],
    ["rlimit", "swap 4096", ["swap 4096 4096 by 0"]],
    ["regs", "01234567", ["regs 0+8 by 0,0"]],
  ] as const) {
    const machine = paperMachine();
    const handle = open(machine, name);
    const permission = new Parked<void>();
    machine.ports.access.debug = () => permission;
    const data = bytes(text);
    const written = handle.write!(ROOT, 0, data) as Parked<number>;
    data.fill(0x20);
    permission.settle();
    written.listen({ settled: (count) => assert.equal(count, text.length), failed: assert.fail });
    assert.ok(written.ended);
    assert.deepEqual(machine.calls, calls);
    if (name === "regs") assert.deepEqual([...machine.registers.subarray(0, 8)], [...bytes(text)]);
  }
});

test("rights are noted down afresh by whoever opens to write, and by nobody else", () => {
  for (const [name, opens] of [
    ["mem", "11 true"],
    ["status", "11 false"],
    ["environ", "11 false"],
    ["ctl", "11 true"],
  ] as const) {
    const machine = paperMachine();
    const handle = open(machine, name, OWNER);
    assert.equal(machine.recorded.shift(), opens, name);
    if (handle.read && name !== "status") handle.read(ROOT, 4096, new Uint8Array(1));
    assert.ok(
      machine.recorded.every((line) => line.endsWith(" false")),
      name,
    );
  }
  const machine = paperMachine();
  const swap = open(machine, "swap");
  machine.recorded.length = 0;
  swap.write!(ROOT, 0, bytes("overcommit 1"));
  assert.deepEqual(machine.recorded, ["0 false"]);
});

test("a signal name continues a target that is stopped; else it is posted for who writes and who has opened", () => {
  const machine = paperMachine();
  const ctl = open(machine, "ctl", OWNER);
  ctl.write!(ROOT, 0, bytes("usr1"));
  assert.deepEqual(machine.calls.splice(0), ["note usr1 by 11,11"]);
  machine.ports.tracer.deliver = (_process, _caller, signal) => void machine.calls.push(`deliver ${signal}`);
  ctl.write!(ROOT, 0, bytes("usr1"));
  assert.deepEqual(machine.calls, ["deliver usr1"]);
});

test("a note can only be written, and goes to the process, or to its group", () => {
  const machine = paperMachine();
  assert.throws(() => open(machine, "note").read!(ROOT, 0, new Uint8Array(8)), { code: "EINVAL" });
  open(machine, "notepg").write!(ROOT, 0, bytes("term\n"));
  assert.deepEqual(machine.calls, ["notepg term"]);
});

test("what can be done again when nobody knows whether it was done", () => {
  const machine = paperMachine();
  const rows: readonly (readonly [name: string, text: string, repeats: boolean | undefined])[] = [
    ...(["attach", "wait", "detach"] as const).map((word) => ["ctl", word, true] as const),
    ...(["run", "step", "account", "release", "hup", "nonsense"] as const).map((word) => ["ctl", word, false] as const),
    ...(["mem", "regs", "regs.txt", "rlimit", "swap"] as const).map((name) => [name, "x", true] as const),
    ["note", "hup", undefined],
  ];
  for (const [name, text, repeats] of rows) {
    assert.equal(open(machine, name).repeats?.(bytes(text)), repeats, `${name} ${text}`);
  }
});

test("what was open under a server before goes on as it was, and asks nothing", () => {
  const memo = latin1("as it was\n");
  for (const name of ["status", "map", "stack", "auxv", "environ", "swap", "accounts", "regs.txt"]) {
    const machine = paperMachine({ refuse: () => false });
    machine.ports.inspection.stack = machine.ports.inspection.bytes = () => assert.fail("asked again");
    const handle = open(machine, name, ROOT, {}, false, { memo });
    assert.equal(textOf(handle), "as it was\n", name);
    assert.deepEqual(handle.memo, memo);
    assert.deepEqual(machine.calls, []);
  }
});

test("a memory that was open goes on only while the program is the same; a word continues at any place, once", () => {
  const machine = paperMachine();
  open(machine, "mem", ROOT, {}, false, { memo: latin1("one program") }).close!();
  assert.deepEqual(machine.calls.splice(0), ["close mem"]);
  assert.throws(() => open(machine, "mem", ROOT, {}, false, { memo: latin1("another") }), { code: "ESTALE" });
  assert.deepEqual(machine.calls.splice(0), ["close mem"]);
  const ctl = open(machine, "ctl", ROOT, {}, false, { memo: undefined });
  ctl.write!(ROOT, 700, bytes("wait"));
  assert.throws(() => ctl.write!(ROOT, 700, bytes("wait")), { code: "EINVAL" });
  ctl.write!(ROOT, 704, bytes("wait"));
  assert.deepEqual(machine.calls, ["wait", "wait"]);
});

/** A memory whose reads end as `read` says. */
function withMemory(machine: Machine, read: AddressSpace["read"]): Machine {
  const space = machine.ports.memory.open({ pid: 446 } as Process, ROOT) as AddressSpace;
  const memory = { ...machine.ports.memory, open: () => ({ ...space, read }) };
  return { ...machine, ports: { ...machine.ports, memory } };
}

test("holes as zeros: a page that ends early is zeros from there, the next one is read; other failures are told", () => {
  const reads: string[] = [];
  const machine = withMemory(paperMachine(), (address, into) => {
    reads.push(`${address}+${into.length}`);
    into.fill(1);
    return address === 8192 ? 100 : into.length;
  });
  const into = new Uint8Array(9000).fill(9);
  assert.equal(open(machine, "mem", ROOT, { holes: "zero" }).read!(ROOT, 5000, into), 9000);
  assert.deepEqual(reads, ["5000+3192", "8192+4096", "12288+1712"]);
  const changes = [...into.keys()].filter((i) => i > 0 && into[i] !== into[i - 1]);
  assert.deepEqual([into[0], changes], [1, [3292, 7288]]);

  const gone = withMemory(paperMachine(), () => {
    throw new Errno("ESRCH", "gone");
  });
  assert.throws(() => open(gone, "mem", ROOT, { holes: "zero" }).read!(ROOT, 4096, new Uint8Array(8)), {
    code: "ESRCH",
  });
});

test("a read that ends at the top of memory is as long as it was asked to be", () => {
  const seen: number[] = [];
  const machine = withMemory(paperMachine(), (_address, into) => {
    seen.push(into.length);
    return into.length;
  });
  const mem = open(machine, "mem");
  assert.equal(mem.read!(ROOT, 0x10000 - 8, new Uint8Array(8)), 8);
  assert.equal(mem.read!(ROOT, 0x10000 - 8, new Uint8Array(9)), 8);
  assert.deepEqual(seen, [8, 8]);
});

test("an executable is closed with the file", () => {
  const machine = paperMachine();
  open(machine, "file", ROOT, { executable: "contents" }).close!();
  assert.deepEqual(machine.calls, ["close file"]);
});

test("only the owner and root change a limit or a total, whoever may read them", () => {
  for (const name of ["rlimit", "swap"]) {
    assert.throws(() => open(paperMachine(), name, OTHER), { code: "EACCES" }, name);
  }
  const group: Caller = { ...OTHER, gid: OWNER.gid };
  assert.throws(() => open(paperMachine(), "rlimit", group), { code: "EACCES" });
  assert.equal(textOf(open(paperMachine(), "nomem", group)).slice(0, 4), "1234");
});

test("words: white space behind them is nothing, inside them it is", () => {
  for (const [text, done] of [
    ["attach", true],
    ["attach \t\n\v\f\r", true],
    ["att ach", false],
    ["att\nach", false],
    [" attach", false],
    ["", false],
    ["\n", false],
  ] as const) {
    const machine = paperMachine();
    const write = () => open(machine, "ctl").write!(ROOT, 0, bytes(text));
    if (done) assert.equal(write(), text.length);
    else assert.throws(write, { code: "EOPNOTSUPP" }, JSON.stringify(text));
    assert.deepEqual(machine.calls, done ? ["attach"] : []);
  }
  for (const word of ["account", "release"]) {
    const old = open(paperMachine(), "ctl", ROOT, { profile: "1993" });
    assert.throws(() => old.write!(ROOT, 0, bytes(word)), { code: "EOPNOTSUPP" }, word);
  }
});

test("who only reads mem keeps no exclusive writer out", () => {
  const machine = paperMachine();
  const mem = walk(procFileSystem(machine.ports, DEFAULT_OPTIONS).root, "446/mem", ROOT);
  assert.ok(mem.kind === "file");
  assert.ok(mem.open(ROOT, { read: true, write: false, exclusive: true }));
  assert.ok(mem.open(ROOT, { read: true, write: true, exclusive: true }));
  assert.ok(mem.open(ROOT, { read: true, write: false, exclusive: true }));
  assert.throws(() => mem.open(ROOT, { read: false, write: true, exclusive: false }), { code: "EBUSY" });
});

test("for clients that cannot follow a link the executable is a file, and nothing else is another", () => {
  const { root } = procFileSystem(paperMachine().ports, { ...DEFAULT_OPTIONS, executable: "contents" });
  const kinds = ["file", "cwd", "mem"].map((name) => walk(root, `446/${name}`, ROOT).kind);
  assert.deepEqual(kinds, ["file", "link", "file"]);
  assert.equal(walk(root, "446/mem", ROOT).stat(ROOT).mode, 0o600);
});
