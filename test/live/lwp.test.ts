/** The directories of threads, with gdb and eu-stack as the oracles. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { ERRNO } from "../../src/core/base/errno.ts";
import { hostArch } from "../../src/host/linux/host-arch.ts";
import { symbol } from "../support/programs.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target, until } from "../support/target.ts";

let server: Server;
before(async () => {
  if (!NEEDS_MOUNT.skip) server = await Server.start();
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
});

const code = (name: string) => (error: NodeJS.ErrnoException) => error.code === name;
const ARCH = hostArch();
const THREADS = 4;
const OFFLINE = { ...process.env, DEBUGINFOD_URLS: "" };
const has = (tool: string): boolean => spawnSync(tool, ["--version"]).status === 0;
const needs = (tool: string) => ({ ...NEEDS_MOUNT, skip: NEEDS_MOUNT.skip || (has(tool) ? false : `needs ${tool}`) });

const tids = (pid: number): number[] =>
  readdirSync(`/proc/${pid}/task`)
    .map(Number)
    .sort((a, b) => a - b);
const read = (pid: number, ...parts: (string | number)[]): string => readFileSync(server.path(pid, ...parts), "latin1");
const pcOf = (regs: Buffer): bigint => regs.readBigUInt64LE(8 * ARCH.registers.indexOf(ARCH.programCounter));

/** Stopped by job control, so that two debuggers one after the other find it in the same place. */
async function stoppedThreads(): Promise<Target> {
  const target = await Target.start("threads", { args: [String(THREADS)] });
  target.child.kill("SIGSTOP");
  for (const tid of tids(target.pid))
    await until(() => /\) [tT] /.test(readFileSync(`/proc/${target.pid}/task/${tid}/stat`, "latin1")), "stopped");
  return target;
}

test("lwp has a directory for each thread, and none for another's", NEEDS_MOUNT, async () => {
  await using target = await Target.start("threads", { args: [String(THREADS)] });
  await using other = await Target.start("sleeper");
  const { pid } = target;
  assert.deepEqual(
    readdirSync(server.path(pid, "lwp"))
      .map(Number)
      .sort((a, b) => a - b),
    tids(pid),
  );
  assert.equal(tids(pid).length, THREADS + 1);
  for (const name of [String(other.pid), "0", "1", "x"])
    assert.throws(() => readdirSync(server.path(pid, "lwp", name)), code("ENOENT"), name);
  for (const tid of tids(pid)) {
    assert.match(read(pid, "lwp", tid, "status"), new RegExp(`^threads ${tid} R \\d+ \\d+ \\d+ \\d+ nochan\\n$`));
    assert.equal(read(pid, "lwp", tid, "stop"), "running\n");
    assert.equal(read(pid, "lwp", tid, "wchan"), "nochan\n");
  }
});

test("registers of each thread are gdb's", needs("gdb"), async () => {
  await using target = await stoppedThreads();
  const { pid } = target;
  const args = ["-p", String(pid), "-batch", "-nx", "-ex", "thread apply all info registers"];
  const { stdout } = spawnSync("gdb", args, { encoding: "utf8", env: OFFLINE, timeout: 30_000 });
  const sections = stdout.split(/^Thread \d+ \(.*?LWP (\d+)\).*$/m).slice(1);
  assert.equal(sections.length, 2 * (THREADS + 1), stdout);
  for (let i = 0; i < sections.length; i += 2) {
    const tid = sections[i]!;
    const ours = new Map(
      read(pid, "lwp", tid, "regs.txt")
        .trimEnd()
        .split("\n")
        .map((line) => line.split(" ") as [string, string]),
    );
    const names = ARCH.registers.filter((name) => new RegExp(`^${name} `, "m").test(sections[i + 1]!));
    assert.ok(names.length >= 16, names.join());
    for (const name of names) {
      const theirs = new RegExp(`^${name} +(0x[0-9a-f]+)`, "m").exec(sections[i + 1]!)![1]!;
      assert.equal(ours.get(name), theirs, `${tid} ${name}`);
    }
  }
});

test("floating-point registers are gdb's, and what is written is what the program has", needs("gdb"), async () => {
  await using target = await stoppedThreads();
  const { pid } = target;
  const fields = ARCH.floating.fields.filter(({ name }) => /^(xmm|v)\d+$|^(mxcsr|fpcr)$/.test(name));
  const asked = fields.map(({ name, size }) =>
    size === 16 ? `p/x $${name}${ARCH.machine === "x86_64" ? ".uint128" : ".q.u[0]"}` : `p/x $${name}`,
  );
  const args = ["-p", String(pid), "-batch", "-nx", ...asked.flatMap((text) => ["-ex", text])];
  const gdb = (): string[] => {
    const { stdout } = spawnSync("gdb", args, { encoding: "utf8", env: OFFLINE, timeout: 30_000 });
    return [...stdout.matchAll(/^\$\d+ = (0x[0-9a-f]+)$/gm)].map(([, value]) => value!);
  };
  const ours = (): string[] => {
    const lines = new Map(
      read(pid, "fpregs.txt")
        .trimEnd()
        .split("\n")
        .map((line) => line.split(" ") as [string, string]),
    );
    return fields.map(({ name }) => lines.get(name)!);
  };
  assert.deepEqual(ours(), gdb());
  assert.equal(readFileSync(server.path(pid, "fpregs")).length, ARCH.floating.size);
  const vector = fields.findIndex(({ size }) => size === 16);
  writeFileSync(server.path(pid, "fpregs.txt"), `${fields[vector]!.name} 0x112233445566778899aabbccddeeff00\n`);
  assert.equal(ours()[vector], "0x112233445566778899aabbccddeeff00");
  assert.deepEqual(ours(), gdb());
  assert.throws(() => writeFileSync(server.path(pid, "fpregs.txt"), "rip 1\n"), code("EINVAL"));
});

test("sig names what is pending, blocked, ignored and caught", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const caught = "caught hup trap usr1 usr2 cont\n";
  const sets = (): string => read(target.pid, "sig");
  assert.match(sets(), new RegExp(`^pending\nthread-pending\nblocked\nignored.*\n${caught}$`));
  assert.equal(read(target.pid, "lwp", target.pid, "sig"), sets());
  target.child.kill("SIGSTOP");
  await until(() => target.field("State").startsWith("T"), "stopped");
  target.child.kill("SIGUSR2");
  assert.match(sets(), /^pending usr2\n/);
});

test("the stack of each thread is eu-stack's", needs("eu-stack"), async () => {
  await using target = await stoppedThreads();
  const { pid } = target;
  const { stdout } = spawnSync("eu-stack", ["-r", "-p", String(pid)], {
    encoding: "utf8",
    env: OFFLINE,
    timeout: 30_000,
  });
  const theirs = stdout.split(/^TID (\d+):$/m).slice(1);
  assert.equal(theirs.length, 2 * (THREADS + 1), stdout);
  for (let i = 0; i < theirs.length; i += 2) {
    const expected = [...theirs[i + 1]!.matchAll(/^#\d+\s+0x([0-9a-f]+)/gm)].map(([, pc]) => Number.parseInt(pc!, 16));
    const ours = [...read(pid, "lwp", theirs[i]!, "stack").matchAll(/^#\d+ 0x([0-9a-f]+) /gm)].map(([, pc]) =>
      Number.parseInt(pc!, 16),
    );
    assert.ok(expected.length >= 2, stdout);
    assert.deepEqual(ours.slice(0, expected.length), expected, `thread ${theirs[i]}`);
  }
});

test(
  "words: one thread steps, its registers are written, the others stay; the process's files follow",
  NEEDS_MOUNT,
  async () => {
    await using target = await Target.start("threads", { args: [String(THREADS)] });
    const { pid } = target;
    await server.ctlLater(pid, "attach; wait");
    const [first, ...others] = tids(pid);
    const pcs = (): bigint[] => others.map((tid) => pcOf(readFileSync(server.path(pid, "lwp", tid, "regs"))));
    const ctl = (tid: number, text: string): void => writeFileSync(server.path(pid, "lwp", tid, "ctl"), text);
    assert.match(read(pid, "lwp", first!, "stop"), /^attach thread /);
    assert.match(read(pid, "lwp", others[1]!, "stop"), new RegExp(`^held thread ${others[1]} pc 0x`));
    const before = pcs();
    ctl(others[1]!, "step; wait");
    const stepped = pcs();
    assert.deepEqual([stepped[0], ...stepped.slice(2)], [before[0], ...before.slice(2)]);
    assert.notEqual(stepped[1], before[1]);
    assert.match(read(pid, "stop"), new RegExp(`^step thread ${others[1]} pc 0x${stepped[1]!.toString(16)}\n`));
    assert.equal(pcOf(server.regs(pid)), stepped[1]);
    await server.ctlLater(pid, `thread ${others[2]}`);
    assert.equal(pcOf(server.regs(pid)), stepped[2]);
    await assert.rejects(server.ctlLater(pid, "thread 1"), code("ESRCH"));
    const scratch = ARCH.machine === "x86_64" ? "r11" : "x9";
    const saved = new RegExp(`^${scratch} (.*)$`, "m").exec(read(pid, "lwp", others[0]!, "regs.txt"))![1];
    writeFileSync(server.path(pid, "lwp", others[0]!, "regs.txt"), `${scratch} 0x1234\n`);
    assert.match(read(pid, "lwp", others[0]!, "regs.txt"), new RegExp(`^${scratch} 0x1234$`, "m"));
    writeFileSync(server.path(pid, "lwp", others[0]!, "regs.txt"), `${scratch} ${saved}\n`);
    await server.ctlLater(pid, "run");
    assert.equal(read(pid, "lwp", others[1]!, "stop"), "running\n");
    await assert.rejects(server.ctlLater(pid, `thread ${others[2]}`), code("EBUSY"));
    await server.ctlLater(pid, "detach");
    assert.ok(symbol(target.binary, "counters") > 0);
  },
);

test("a thread of a process that runs is looked at while the others go on", NEEDS_MOUNT, async () => {
  await using target = await Target.start("threads", { args: [String(THREADS)] });
  const { pid } = target;
  const main = BigInt(symbol(target.binary, "_init"));
  for (const tid of tids(pid)) {
    const pc = pcOf(readFileSync(server.path(pid, "lwp", tid, "regs")));
    assert.ok(pc >= main && pc < main + 65536n, `${tid} at ${pc.toString(16)}`);
    assert.match(read(pid, "lwp", tid, "stack"), /^#0 0x[0-9a-f]+ count\+0x/);
  }
  assert.equal(target.field("TracerPid"), "0");
  await server.ctlLater(pid, "attach; wait; run");
  for (const tid of tids(pid)) assert.match(read(pid, "lwp", tid, "stack"), /^#0 0x[0-9a-f]+ count\+0x/);
  assert.equal(read(pid, "stop"), "running\n");
  await server.ctlLater(pid, "detach");
});

test("a thread that has exited: ENOENT by name, ESRCH on what was open", NEEDS_MOUNT, async () => {
  await using target = await Target.start("leader-exits");
  await until(() => readFileSync(`/proc/${target.pid}/stat`, "latin1").includes(") Z "), "leader is a zombie");
  const listed = readdirSync(server.path(target.pid, "lwp")).map(Number);
  assert.deepEqual(
    listed,
    tids(target.pid).filter((tid) => tid !== target.pid),
  );
  assert.throws(() => readFileSync(server.path(target.pid, "lwp", target.pid, "regs")), code("ESRCH"));
  assert.match(read(target.pid, "lwp", listed[0]!, "stack"), /^#0 0x/);

  await using ending = await Target.start("thread-ends");
  const { pid } = ending;
  const tid = tids(pid).find((each) => each !== pid)!;
  const regs = await open(server.path(pid, "lwp", tid, "regs"));
  assert.ok((await regs.read(Buffer.alloc(1000), 0, 1000, 0)).bytesRead > 0);
  ending.child.stdin!.write("x");
  await ending.prints("ended\n");
  await assert.rejects(regs.read(Buffer.alloc(1000), 0, 1000, 0), code("ESRCH"));
  await regs.close();
  assert.throws(() => readdirSync(server.path(pid, "lwp", tid)), code("ENOENT"));
  assert.throws(() => read(pid, "lwp", tid, "regs"), code("ENOENT"));
  assert.deepEqual(readdirSync(server.path(pid, "lwp")), [String(pid)]);
});

test("a listing of the threads of process 1 ends", NEEDS_MOUNT, () => {
  const { status, stdout } = spawnSync("ls", [server.path(1, "lwp")], { encoding: "utf8", timeout: 10_000 });
  assert.equal(status, 0);
  assert.match(stdout, /^1\n/);
});

test("a thread that executes a new image while it is looked at leaves nothing behind", NEEDS_MOUNT, async () => {
  await using target = await Target.start("thread-execs", { args: ["400"] });
  const { pid } = target;
  const allowed: readonly number[] = [ERRNO.ENOENT, ERRNO.ESRCH, ERRNO.ESTALE, ERRNO.EPERM];
  let looks = 0;
  while (!target.output.includes("last")) {
    for (const tid of tids(pid)) {
      try {
        const regs = await readFile(server.path(pid, "lwp", tid, "regs"));
        if (regs.length > 0) looks++;
      } catch (error) {
        const errno = -(error as NodeJS.ErrnoException).errno!;
        assert.ok(allowed.includes(errno), String(error));
      }
    }
  }
  assert.ok(looks > 0);
  await until(() => target.field("TracerPid") === "0", "nobody traces it");
  server.write(pid, "note", "usr1");
  await target.prints("usr1\n");
});
