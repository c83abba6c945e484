/** Breakpoints: the words `break` and `clear`, the file `breaks`, what `stop` says of them, and that nobody misses one. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT } from "../support/paths.ts";
import { symbol } from "../support/programs.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { isAsleep, Target, until } from "../support/target.ts";

let server: Server;
before(async () => {
  if (!NEEDS_MOUNT.skip) server = await Server.start();
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
});

const code = (name: string) => (error: NodeJS.ErrnoException) => error.code === name;
const read = (pid: number, file: string): string => readFileSync(server.path(pid, file), "latin1");
const words = (pid: number, text: string): Promise<void> => server.ctlLater(pid, text);
const placeOf = (target: Target, name: string): string => new RegExp(`${name} (0x[0-9a-f]+)`).exec(target.output)![1]!;

/** Bytes at an address, of a file of memory. */
function bytesAt(path: string, address: string, count = 4): string {
  const fd = openSync(path, "r");
  const bytes = Buffer.alloc(count);
  readSync(fd, bytes, 0, count, Number(address));
  closeSync(fd);
  return bytes.toString("hex");
}
/** As the kernel has it. */
const realBytes = (pid: number, address: string): string => bytesAt(`/proc/${pid}/mem`, address);

async function started(...args: (string | number)[]): Promise<Target & { leaf: string }> {
  return startedAs(0, ...args);
}

async function startedAs(uid: number, ...args: (string | number)[]): Promise<Target & { leaf: string }> {
  const target = await Target.start("breaks", { args: args.map(String), uid });
  return Object.assign(target, { leaf: placeOf(target, "leaf") });
}

/** Runs to so many stops, each of which is reported to `seen`, and then on until the process has said it. */
async function runThrough(target: Target, stops: number, text: string, seen: (line: string) => void): Promise<void> {
  for (let i = 0; i < stops; i++) {
    await words(target.pid, "run; wait 20");
    seen(read(target.pid, "stop"));
  }
  await words(target.pid, "run");
  await target.prints(text);
}

test("a breakpoint stops every thread that comes there, each time", NEEDS_MOUNT, async () => {
  await using target = await started(1, 3);
  const { pid, leaf } = target;
  await words(pid, `attach; wait; break ${leaf}`);
  assert.equal(read(pid, "breaks"), `1 break ${leaf} hits 0\n`);
  target.child.stdin!.write("\n");
  const lines: string[] = [];
  await runThrough(target, 3, "sum 3\n", (line) => lines.push(line));
  for (const line of lines) assert.match(line, new RegExp(`^break 1 ${leaf} thread [0-9]+ pc ${leaf}\n$`));
  assert.equal(read(pid, "breaks"), `1 break ${leaf} hits 3\n`);
  await words(pid, "detach");
});

test("fifty threads at one breakpoint: nobody misses one, nobody is left behind", NEEDS_MOUNT, async () => {
  await using target = await started(50, 6);
  const { pid, leaf } = target;
  await words(pid, `attach; wait; break ${leaf}`);
  target.child.stdin!.write("\n");
  const threads = new Map<string, number>();
  await runThrough(target, 300, "sum 300\n", (line) => {
    const tid = new RegExp(`^break 1 ${leaf} thread ([0-9]+) pc ${leaf}\n$`).exec(line)?.[1];
    assert.ok(tid, line);
    threads.set(tid, (threads.get(tid) ?? 0) + 1);
  });
  assert.equal(read(pid, "breaks"), `1 break ${leaf} hits 300\n`);
  assert.deepEqual([threads.size, ...new Set(threads.values())], [50, 6]);
  await words(pid, "halt; wait; clear all; run");
  target.child.stdin!.write("\n");
  await target.prints("sum 600\n");
  await words(pid, "detach");
});

test("the instruction is in memory only while the process runs, and mem never shows it", NEEDS_MOUNT, async () => {
  await using target = await started(1, 1);
  const { pid, leaf } = target;
  const before = realBytes(pid, leaf);
  await words(pid, `attach; wait; break ${leaf}`);
  assert.equal(realBytes(pid, leaf), before);
  await words(pid, "run");
  assert.notEqual(realBytes(pid, leaf), before);
  assert.equal(bytesAt(server.path(pid, "mem"), leaf), before);
  // What is written there is what the program has, and the breakpoint stays.
  const fd = openSync(server.path(pid, "mem"), "r+");
  assert.equal(writeSync(fd, Buffer.from(before, "hex"), 0, 4, Number(leaf)), 4);
  closeSync(fd);
  assert.notEqual(realBytes(pid, leaf), before);
  target.child.stdin!.write("\n");
  await words(pid, "wait");
  assert.equal(realBytes(pid, leaf), before);
  assert.equal(bytesAt(server.path(pid, "mem"), leaf), before);
  await words(pid, "run; halt; wait; detach");
  await target.prints("sum 1\n");
});

test("detach leaves nothing behind, whatever the process does", NEEDS_MOUNT, async () => {
  await using target = await started(4, 20000);
  const { pid, leaf } = target;
  const before = realBytes(pid, leaf);
  for (let round = 1; round <= 8; round++) {
    await words(pid, `attach; wait; break ${leaf}`);
    target.child.stdin!.write("\n");
    await words(pid, round % 2 === 0 ? "run; wait; run" : "run");
    await words(pid, "detach");
    assert.equal(realBytes(pid, leaf), before);
    await target.prints(`sum ${80000 * round}\n`);
  }
});

for (const [how, says] of [
  ["fork", "child 7\n"],
  ["vfork", "child 7\n"],
  ["spawn", "child 7\n"],
] as const) {
  test(`a child made by ${how} has no breakpoint in its memory`, NEEDS_MOUNT, async () => {
    await using target = await started(3, 5, how);
    const { pid, leaf } = target;
    await words(pid, `attach; wait; ignore chld; break ${leaf}`);
    target.child.stdin!.write("\n");
    await runThrough(target, 15, "sum 15\n", (line) => assert.match(line, /^break 1 /));
    assert.ok(target.output.includes(says), target.output);
    await words(pid, "detach");
  });
}

test("an exec drops the breakpoints", NEEDS_MOUNT, async () => {
  await using target = await Target.start("execs-on-usr1", { args: ["/bin/echo", "new image"] });
  const { pid } = target;
  // It has the signal blocked before that.
  await until(() => isAsleep(pid), "it waits for the signal");
  await words(pid, "attach; wait");
  const pc = / pc (0x[0-9a-f]+)/.exec(read(pid, "stop"))![1]!;
  await words(pid, `break ${pc}; usr1; wait`);
  // Behind the handler the call returns there.
  assert.match(read(pid, "stop"), /^break 1 /);
  await words(pid, "run; wait");
  assert.match(read(pid, "stop"), /^exec /);
  assert.equal(read(pid, "breaks"), "");
  await words(pid, "detach");
  await target.prints("new image\n");
});

test("a breakpoint where the process stands is left by run; one that a step comes to, too", NEEDS_MOUNT, async () => {
  await using target = await started(1, 2);
  const { pid, leaf } = target;
  await words(pid, `attach; wait; break ${leaf}`);
  target.child.stdin!.write("\n");
  await words(pid, "run; wait; clear 1; step; wait");
  const next = / pc (0x[0-9a-f]+)\n/.exec(read(pid, "stop"))![1]!;
  assert.notEqual(next, leaf);
  // The current thread stands there already; it comes there once more.
  await words(pid, `break ${next}; run; wait`);
  assert.match(read(pid, "stop"), new RegExp(`^break 2 ${next} thread [0-9]+ pc ${next}\n$`));
  await words(pid, "run");
  await target.prints("sum 2\n");
  await words(pid, "detach");
});

test("what cannot be is refused with its reason, and changes nothing", NEEDS_MOUNT, async () => {
  await using target = await started(1, 1);
  const { pid, leaf } = target;
  await assert.rejects(words(pid, `break ${leaf}`), code("EBUSY"));
  await words(pid, "attach; wait");
  for (const word of [
    "break",
    "break leaf+",
    "break leaf if rdi=1",
    "break leaf if nothing==1",
    "break 4096",
    "break 0x",
    "break 0x401136 x",
    "clear",
    "clear 0",
    "clear x",
  ])
    await assert.rejects(words(pid, word), code("EINVAL"), word);
  await assert.rejects(words(pid, "break 0x10"), code("EFAULT"));
  await assert.rejects(words(pid, "break 0xffffffffffff"), code("EFAULT"));
  for (const word of ["break nothing", "break breaks.c:900", "break other.c:1", "clear 1"])
    await assert.rejects(words(pid, word), code("ENOENT"), word);
  await assert.rejects(words(pid, "break leaf thread 1"), code("ESRCH"));
  await words(pid, "clear all");
  assert.equal(read(pid, "breaks"), "");
  await words(pid, "run");
  await assert.rejects(words(pid, `break ${leaf}`), code("EBUSY"));
  await assert.rejects(words(pid, "clear all"), code("EBUSY"));
  await words(pid, "detach");
  assert.equal(read(pid, "breaks"), "");
});

test("a place is an address, a symbol or a line, as gdb finds it", NEEDS_MOUNT, async () => {
  await using target = await started(1, 1);
  const { pid, leaf, binary } = target;
  const source = readFileSync(join(ROOT, "test", "programs", "breaks.c"), "latin1").split("\n");
  const line = 1 + source.findIndex((text) => text.includes("watched++"));
  const { stdout } = spawnSync("gdb", ["-batch", "-nx", "-ex", `info line breaks.c:${line}`, binary], {
    encoding: "latin1",
  });
  const expected = /starts at address (0x[0-9a-f]+)/.exec(stdout)![1]!;
  const places = ["leaf", "leaf+0x4", `breaks.c:${line}`, `programs/breaks.c:${line}`, "malloc"];
  await words(pid, `attach; wait; ${places.map((place) => `break ${place}`).join("; ")}`);
  const rows = read(pid, "breaks").split("\n");
  assert.deepEqual(rows.slice(0, 4), [
    `1 break ${leaf} hits 0 at leaf`,
    `2 break 0x${(Number(leaf) + 4).toString(16)} hits 0 at leaf+0x4`,
    `3 break ${expected} hits 0 at breaks.c:${line}`,
    `4 break ${expected} hits 0 at programs/breaks.c:${line}`,
  ]);
  // Of a library, which has been moved.
  assert.match(rows[4]!, /^5 break 0x7[0-9a-f]+ hits 0 at malloc$/);
  await words(pid, "detach");
});

test(
  "a breakpoint for a thread or under a condition stops for nothing else, and misses nothing",
  NEEDS_MOUNT,
  async () => {
    await using target = await started(8, 50);
    const { pid } = target;
    await words(pid, "attach; wait");
    const tids = readdirSync(server.path(pid, "lwp"))
      .map(Number)
      .sort((a, b) => a - b);
    const slot = `0x${(symbol(target.binary, "counters") + 8 * 5).toString(16)}`;
    await words(pid, `break leaf thread ${tids[3]}; break leaf if rdi==${slot}`);
    assert.deepEqual(
      read(pid, "breaks")
        .split("\n")
        .slice(0, 2)
        .map((row) => row.replace(/^. break 0x[0-9a-f]+ /, "")),
      [`hits 0 thread ${tids[3]} at leaf`, `hits 0 if rdi==${slot} at leaf`],
    );
    target.child.stdin!.write("\n");
    const seen = new Map<string, number>();
    await runThrough(target, 100, "sum 400\n", (line) => {
      const who = /^break . 0x[0-9a-f]+ thread ([0-9]+) /.exec(line)![1]!;
      seen.set(who, (seen.get(who) ?? 0) + 1);
    });
    assert.deepEqual([...seen.values()], [50, 50]);
    assert.equal(seen.get(String(tids[3])), 50);
    assert.match(read(pid, "breaks"), /^1 break 0x[0-9a-f]+ hits 50 .*\n2 break 0x[0-9a-f]+ hits 50 /);
    await words(pid, "detach");
  },
);

test(
  "a watchpoint stops behind the instruction that touches the bytes, in any thread, with what was and is there",
  NEEDS_MOUNT,
  async () => {
    await using target = await started(2, 3);
    const { pid, binary } = target;
    const counters = symbol(binary, "counters");
    const slot = (i: number): string => `0x${(counters + 8 * i).toString(16)}`;
    await words(pid, "attach; wait; watch counters+8 8 w; watch watched 8 w");
    assert.equal(
      read(pid, "breaks"),
      `1 watch ${slot(1)} hits 0 w 8 at counters+8\n2 watch 0x${symbol(binary, "watched").toString(16)} hits 0 w 8 at watched\n`,
    );
    target.child.stdin!.write("\n");
    const lines: string[] = [];
    await runThrough(target, 4, "sum 6\n", (line) => lines.push(line));
    const said = lines.map((line) => / old 0x[0-9a-f]+ new 0x[0-9a-f]+ /.exec(line)![0]);
    assert.deepEqual(said.slice(0, 3), [" old 0x0 new 0x1 ", " old 0x1 new 0x2 ", " old 0x2 new 0x3 "]);
    assert.match(lines[0]!, new RegExp(`^watch 1 addr ${slot(1)} old 0x0 new 0x1 thread [0-9]+ pc 0x[0-9a-f]+\n$`));
    assert.match(lines[3]!, /^watch 2 addr /);
    await words(pid, "halt; wait");
    const dr = readFileSync(server.path(pid, "dbregs"));
    assert.deepEqual([dr.length, dr.readBigUInt64LE(0)], [64, BigInt(slot(1))]);
    await words(pid, "detach");
    target.child.stdin!.write("\n");
    await target.prints("sum 12\n");
  },
);

test("what cannot be watched is refused; detach under load leaves no register behind", NEEDS_MOUNT, async () => {
  await using target = await started(4, 20000);
  const { pid } = target;
  await words(pid, "attach; wait");
  for (const word of [
    "watch",
    "watch counters",
    "watch counters 8",
    "watch counters 0 w",
    "watch counters 8 x",
    "watch 0xfffffffffffff 8 w",
  ])
    await assert.rejects(words(pid, word), code("EINVAL"), word);
  await assert.rejects(words(pid, "watch counters 40 w"), code("ENOSPC"));
  assert.equal(read(pid, "breaks"), "");
  await words(pid, "detach");
  for (let round = 1; round <= 8; round++) {
    await words(pid, "attach; wait; watch counters 32 rw");
    target.child.stdin!.write("\n");
    await words(pid, round % 2 === 0 ? "run; wait; run; wait; run; detach" : "run; detach");
    await target.prints(`sum ${80000 * round}\n`);
  }
});

test("until, finish and next go where they say, and end there once", NEEDS_MOUNT, async () => {
  await using target = await started(1, 3);
  const { pid, leaf } = target;
  await words(pid, "attach; wait; break leaf");
  target.child.stdin!.write("\n");
  await words(pid, "run; wait; clear all");
  const [, caller] = read(pid, "stack").split("\n");
  const back = /^#1 (0x[0-9a-f]+) count\+/.exec(caller!)![1]!;
  await words(pid, "finish; wait");
  assert.match(read(pid, "stop"), new RegExp(`^finish thread [0-9]+ pc ${back}\n$`));
  await words(pid, "until leaf; wait");
  assert.match(read(pid, "stop"), new RegExp(`^until thread [0-9]+ pc ${leaf}\n$`));
  // The way to the call of the third pass, instruction by instruction; the call itself in one.
  await words(pid, "finish; wait");
  let said = "";
  for (let i = 0; i < 20 && !said.startsWith("next"); i++) {
    await words(pid, "next; wait");
    said = read(pid, "stop");
    assert.ok(!said.includes(`pc ${leaf}`), said);
  }
  assert.match(said, new RegExp(`^next thread [0-9]+ pc ${back}\n$`));
  assert.equal(read(pid, "breaks"), "");
  await words(pid, "run");
  await target.prints("sum 3\n");
  await words(pid, "detach");
});

test("ignored signals reach the program without a stop, until they are caught again", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const { pid } = target;
  await words(pid, "attach; wait; ignore usr1; run");
  for (const word of ["ignore", "ignore usr3", "catch USR1", "ignore all usr1"])
    await assert.rejects(words(pid, word), code("EINVAL"), word);
  process.kill(pid, "SIGUSR1");
  await target.prints("usr1\n");
  assert.equal(read(pid, "stop"), "running\n");
  await words(pid, "catch all");
  process.kill(pid, "SIGUSR1");
  await words(pid, "wait");
  assert.match(read(pid, "stop"), /^signal 10 usr1 /);
  await words(pid, "detach");
});

test("a process of another user, whose memory is written elsewhere, has the same", NEEDS_MOUNT, async () => {
  await using target = await startedAs(61001, 8, 10, "fork");
  const { pid, leaf } = target;
  const before = realBytes(pid, leaf);
  await words(pid, "attach; wait; ignore chld; break leaf");
  target.child.stdin!.write("\n");
  for (let i = 0; i < 40; i++) {
    await words(pid, "run; wait 20");
    assert.match(read(pid, "stop"), /^break 1 /);
  }
  await words(pid, "clear all; finish; wait 20; next; wait 20; detach");
  assert.equal(realBytes(pid, leaf), before);
  await target.prints("sum 80\n");
  assert.ok(target.output.includes("child 7\n"), target.output);
});

test(
  "traced system calls are told where they are entered and left, with arguments and result",
  NEEDS_MOUNT,
  async () => {
    await using target = await Target.start("sleeper");
    const { pid } = target;
    await words(pid, "attach; wait; ignore usr1; trace call write; run");
    for (const word of ["trace", "trace call", "trace calls all", "trace call nothing", "trace call write all"])
      await assert.rejects(words(pid, word), code("EINVAL"), word);
    process.kill(pid, "SIGUSR1");
    await words(pid, "wait");
    const entered = /^(call write) enter (0x1 0x[0-9a-f]+ 0x5 .*) thread [0-9]+ pc 0x[0-9a-f]+\n$/.exec(
      read(pid, "stop"),
    );
    assert.ok(entered, read(pid, "stop"));
    assert.ok(!target.output.includes("usr1"));
    await words(pid, "run; wait");
    assert.ok(
      read(pid, "stop").startsWith(`call write leave ${entered[2]} = 0x5 thread ${pid} pc 0x`),
      read(pid, "stop"),
    );
    await words(pid, "trace call none; run");
    process.kill(pid, "SIGUSR1");
    await target.prints("usr1\nusr1\n");
    assert.equal(read(pid, "stop"), "running\n");
    await words(pid, "detach");
  },
);
