import assert from "node:assert/strict";
import { test } from "node:test";
import { paperAccounts } from "../../../test/support/paper-accounts.ts";
import { paperInspection } from "../../../test/support/paper-inspection.ts";
import type { Pid, Tid } from "../base/brand.ts";
import { Errno } from "../base/errno.ts";
import type { Caller } from "../vfs/caller.ts";
import type { DirNode, FileNode, Handle } from "../vfs/node.ts";
import { type Outcome, Parked } from "../vfs/parked.ts";
import { readSlice } from "../vfs/slice.ts";
import { walk } from "../vfs/walk.ts";
import { isSignalWord, SIGNAL_WORDS } from "./ctl/signals.ts";
import { CTL_WORDS } from "./ctl/words.ts";
import { renderStatus } from "./files/status.ts";
import { inoOf } from "./ino.ts";
import { DEFAULT_OPTIONS, type ProcfsOptions } from "./options.ts";
import type { AddressSpace, Ports, Process, ProcessInfo } from "./ports.ts";
import { QUOTAS, Quotas } from "./quotas.ts";
import { PROC_NODES } from "./table.ts";
import { procFileSystem } from "./tree.ts";

const ROOT: Caller = { tid: 7 as Tid, uid: 0, gid: 0 };
const OWNER: Caller = { tid: 8 as Tid, uid: 11, gid: 20 };
const OTHER: Caller = { tid: 9 as Tid, uid: 12, gid: 21 };

const INFO: ProcessInfo = {
  comm: "cat",
  pid: 446 as Pid,
  ppid: 439,
  pgrp: 400,
  session: 81,
  tty: { major: 12, minor: 0 },
  sessionHasTty: true,
  sessionLeader: false,
  start: { sec: 748620684, usec: 270000 },
  user: { sec: 0, usec: 0 },
  system: { sec: 0, usec: 20000 },
  waitChannel: "",
  euid: 11,
  egid: 20,
  groups: [20, 20, 0, 21, 117].slice(1),
};

/** A machine on paper with one process, 446, of uid 11: records what is asked of it. */
function paperMachine(refuse: (caller: Caller) => boolean = () => false) {
  const calls: string[] = [];
  let alive = true;
  const image = "one program";
  const process: Process = {
    pid: 446 as Pid,
    life: 4711,
    alive: () => alive,
    owner: () => ({ uid: 11, gid: 20 }),
    info: () => INFO,
    size: () => 118784,
    executable: () => "/bin/cat",
  };
  const memory = new Uint8Array(8192);
  const word = (name: string) => (): undefined => {
    calls.push(name);
  };
  const ports: Ports = {
    quotas: new Quotas(),
    clock: { after: () => () => {} },
    accounts: paperAccounts(calls),
    processes: {
      pids: () => [446 as Pid],
      find: (pid) => (alive && pid === 446 ? process : undefined),
      begun: () => process,
      ofThread: (tid) => (tid === 8 ? process : undefined),
      limit: () => 32768,
    },
    access: {
      recorded: (caller) => (caller.uid === 0 ? { fullRoot: true, ...caller } : caller),
      debug: (_process, caller) => {
        if (!alive) throw new Errno("ESRCH", "gone");
        if (refuse(caller)) throw new Errno("EPERM", "refused");
      },
    },
    memory: {
      top: 0x10000,
      pageSize: 4096,
      open: () => ({
        image,
        read: (address, into) => {
          if (address < 4096 || address >= 12288) throw new Errno("EFAULT", "hole");
          const part = memory.subarray(address - 4096, address - 4096 + into.length);
          into.set(part);
          return part.length;
        },
        write: (address, data) => {
          if (address < 4096 || address >= 12288) throw new Errno("EFAULT", "hole");
          const room = Math.min(data.length, 12288 - address);
          memory.set(data.subarray(0, room), address - 4096);
          return room;
        },
        close: word("close mem"),
      }),
    },
    executables: {
      open: () => ({
        read: (offset, into) => readSlice(new Uint8Array([127, 69, 76, 70]), offset, into),
        close: () => {},
      }),
    },
    signals: {
      note: (_process, callers, signal) => calls.push(`note ${signal} by ${callers.map(({ uid }) => uid)}`),
      noteGroup: (_process, _callers, signal) => calls.push(`notepg ${signal}`),
    },
    inspection: paperInspection(),
    tracer: {
      registerSize: 216,
      attach: word("attach"),
      detach: word("detach"),
      run: word("run"),
      step: word("step"),
      wait: word("wait"),
      halt: word("halt"),
      why: () => "signal 11 segv addr 0x0 code mapping thread 446 pc 0x401136",
      isStopped: () => true,
      events: () => ({ log: { next: 1, ended: false, read: () => "" }, close: () => {} }),
      release: word("release"),
      deliver: () => false,
      readRegisters: () => new Uint8Array(216).fill(7),
      writeRegisters: (_process, _callers, offset, data) => {
        calls.push(`regs ${offset}+${data.length}`);
      },
    },
  };
  return {
    ports,
    calls,
    memory,
    kill: () => {
      alive = false;
    },
  };
}

function open(
  machine: ReturnType<typeof paperMachine>,
  name: string,
  caller = ROOT,
  options: Partial<ProcfsOptions> = {},
  exclusive = false,
): Handle {
  const fs = procFileSystem(machine.ports, { ...DEFAULT_OPTIONS, ...options });
  const node = walk(fs.root, `446/${name}`, caller) as FileNode;
  const row = PROC_NODES.find((candidate) => candidate.name === name)!;
  const mode = { read: (row.mode & 0o444) !== 0, write: (row.mode & 0o222) !== 0, exclusive };
  return node.open(caller, mode) as Handle;
}

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

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
  const machine = paperMachine();
  const permission = new Parked<void>();
  const mem = open(machine, "mem");
  machine.ports.access.debug = () => permission;
  const data = bytes("abcd");
  const seen = told(mem.write!(ROOT, 4096, data));
  data.fill(0);
  permission.settle();
  assert.deepEqual(seen, [4]);
  assert.deepEqual([...machine.memory.subarray(0, 4)], [...bytes("abcd")]);
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
  const machine = paperMachine(({ uid }) => uid === refused);
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
    ...[...CTL_WORDS.map(({ word }) => word), "hup"].map(
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

const text = (handle: Handle): string => {
  const into = new Uint8Array(4096);
  return String.fromCharCode(...into.subarray(0, handle.read!(ROOT, 0, into) as number));
};

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
  assert.deepEqual([lines.length, lines[0], lines[26]], [28, "r0 0x707070707070707", "r26 0x707070707070707"]);
  assert.equal(handle.write!(ROOT, 0, bytes("r3 0x10\n\nr1 -1\n")), 15);
  assert.deepEqual(machine.calls, ["regs 24+8", "regs 8+8"]);
  assert.throws(() => handle.write!(ROOT, 0, bytes("r3 1\nr99 1\n")), { code: "EINVAL" });
  assert.throws(() => handle.write!(ROOT, 4, bytes("r3 1\n")), { code: "EINVAL" });
  assert.equal(machine.calls.length, 2);
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

test("10^5 random writes to ctl and note: an errno of the table, or a word that is one", () => {
  const machine = paperMachine();
  const words = [...CTL_WORDS.map(({ word }) => word), ...SIGNAL_WORDS];
  let state = 99;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let accepted = 0;
  for (const historic of [false, true]) {
    const options: Partial<ProcfsOptions> = { profile: historic ? "1993" : "default" };
    const handles = [open(machine, "ctl", ROOT, options), open(machine, "note", ROOT, options)];
    for (let i = 0; i < 50_000; i++) {
      const base = random(3) === 0 ? "" : words[random(words.length)]!;
      const data = bytes(base + ["", "\n", "\n\n", " ", "\0x", "\t \n"][random(6)]!);
      const junk = random(4) === 0 ? Uint8Array.from({ length: random(80) }, () => random(256)) : data;
      const mutated =
        random(5) === 0 && junk.length > 0 ? junk.map((b, at) => (at === random(junk.length) ? random(256) : b)) : junk;
      const offset = random(20) === 0 ? random(100) : 0;
      machine.calls.length = 0;
      try {
        assert.equal(handles[i % 2]!.write!(ROOT, offset, mutated), mutated.length);
        accepted++;
        assert.ok(machine.calls.length >= 1);
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        assert.ok(["EINVAL", "EMSGSIZE", "EOPNOTSUPP"].includes(error.code), error.message);
        // Of several words those before the one that is wrong were done.
        const text = String.fromCharCode(...mutated);
        if (historic || !/[\n;]./.test(text)) assert.deepEqual(machine.calls, [], JSON.stringify(text));
      }
    }
  }
  assert.ok(accepted > 10_000);
});

test("10^5 random transfers of mem and regs: right errno, right bytes, nothing beyond", () => {
  const machine = paperMachine();
  const mem = open(machine, "mem");
  const zero = open(machine, "mem", ROOT, { holes: "zero" });
  const regs = open(machine, "regs");
  const edges = [
    0,
    1,
    4095,
    4096,
    8191,
    12287,
    12288,
    65535,
    65536,
    2 ** 47,
    2 ** 53,
    2 ** 62,
    2 ** 63,
    -1,
    -4096,
    Number.NaN,
  ];
  let state = 4711;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let i = 0; i < 100_000; i++) {
    const offset = random(2) ? edges[random(edges.length)]! : random(70_000);
    const buffer = new Uint8Array(random(5000));
    const handle = [mem, zero, regs][i % 3]!;
    try {
      const count = (random(2) ? handle.read!(ROOT, offset, buffer) : handle.write!(ROOT, offset, buffer)) as number;
      assert.ok(count >= 0 && count <= buffer.length);
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      assert.ok(["EFAULT", "EINVAL"].includes(error.code), error.message);
    }
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
  for (const word of ["wait 1", "run;run", "step\nr", "halt"])
    assert.throws(() => ctl.write!(ROOT, 0, bytes(word)), { code: "EOPNOTSUPP" }, word);
  assert.deepEqual(machine.calls, []);
});

test("permission is asked for each of several words", () => {
  let asked = 0;
  const machine = paperMachine(() => ++asked > 2);
  assert.throws(() => open(machine, "ctl").write!(ROOT, 0, bytes("step; run; run; run")), {
    code: "EPERM",
    reason: /^word 3 of 4/,
  });
  assert.deepEqual(machine.calls, ["step", "run"]);
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
  for (const { word } of CTL_WORDS) ctl.write!(ROOT, 0, bytes(word));
  assert.deepEqual(
    machine.calls,
    CTL_WORDS.map(({ word }) => word),
  );
  assert.equal(SIGNAL_WORDS.length, 32);
  assert.deepEqual(
    SIGNAL_WORDS.filter((word) => !isSignalWord(word)),
    ["emt", "info"],
  );
});
