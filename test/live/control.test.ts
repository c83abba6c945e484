import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { open } from "node:fs/promises";
import { after, before, test } from "node:test";
import { hostArch } from "../../src/host/linux/host-arch.ts";
import { Agent, O_WRONLY } from "../support/agent.ts";
import { symbol } from "../support/programs.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target, until, untilItAsks } from "../support/target.ts";

let server: Server;
before(async () => {
  if (!NEEDS_MOUNT.skip) server = await Server.start();
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
});

const code = (name: string) => (error: NodeJS.ErrnoException) => error.code === name;
const ARCH = hostArch();
const FRAME_POINTER = ARCH.machine === "x86_64" ? "rbp" : "x29";
const register = (regs: Buffer, name: string): bigint => regs.readBigUInt64LE(8 * ARCH.registers.indexOf(name));
const pc = (pid: number): bigint => register(server.regs(pid), ARCH.programCounter);

async function long(pid: number, address: number): Promise<bigint> {
  const file = await open(server.path(pid, "mem"));
  try {
    const { buffer } = await file.read(Buffer.alloc(8), 0, 8, address);
    return buffer.readBigInt64LE();
  } finally {
    await file.close();
  }
}

/** Waits until the counter of a running program has moved on. */
async function counts(target: Target, address: number): Promise<void> {
  const seen = await long(target.pid, address);
  while ((await long(target.pid, address)) === seen);
}

test("attach stops, wait returns once it has, detach lets it run and leaves no trace", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  const counter = symbol(target.binary, "counter");
  server.ctl(target.pid, "attach\n");
  await server.ctlLater(target.pid, "wait\n");
  assert.match(target.field("State"), /^t/);
  assert.equal(target.field("TracerPid"), String(server.child.pid));
  const held = await long(target.pid, counter);
  assert.equal(await long(target.pid, counter), held);
  server.ctl(target.pid, "detach\n");
  assert.equal(target.field("TracerPid"), "0");
  assert.match(target.field("State"), /^[RS]/);
  for (const pending of ["SigPnd", "ShdPnd"]) assert.equal(BigInt(`0x${target.field(pending)}`), 0n);
  await counts(target, counter);
});

test("step executes one instruction at a time", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  // Out of the C library, where it has said that it is ready.
  await counts(target, symbol(target.binary, "counter"));
  await server.stop(target.pid);
  const seen = new Set<bigint>();
  for (let i = 0; i < 12; i++) {
    seen.add(pc(target.pid));
    server.ctl(target.pid, "step");
    await server.ctlLater(target.pid, "wait");
  }
  const main = BigInt(symbol(target.binary, "main"));
  assert.ok(seen.size > 2, `only ${seen.size} places in 12 steps`);
  for (const at of seen) assert.ok(at >= main && at < main + 256n, `stepped to ${at.toString(16)}`);
  server.ctl(target.pid, "detach");
});

test("a value changed through mem is the one the program prints", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  await server.stop(target.pid);
  const file = await open(server.path(target.pid, "mem"), "r+");
  await file.write(Buffer.from("after\0"), 0, 6, symbol(target.binary, "text"));
  await file.write(Buffer.alloc(4), 0, 4, symbol(target.binary, "go"));
  await file.close();
  server.ctl(target.pid, "run");
  assert.deepEqual(await target.exit(), { code: 7, signal: null });
  assert.equal(target.output, "ready\ntext after\n");
});

test("stop interrupts a running target; detach does not leave it stopped", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  await server.stop(target.pid);
  server.ctl(target.pid, "run");
  await counts(target, symbol(target.binary, "counter"));
  server.ctl(target.pid, "stop");
  await server.ctlLater(target.pid, "wait");
  assert.match(target.field("State"), /^t/);
  server.ctl(target.pid, "detach");
  await counts(target, symbol(target.binary, "counter"));
});

test("run does not deliver the signal that stopped the target; its name does", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  await server.stop(target.pid);
  server.ctl(target.pid, "run");
  server.ctl(target.pid, "usr1");
  await server.ctlLater(target.pid, "wait");
  server.ctl(target.pid, "run");
  server.ctl(target.pid, "hup");
  await server.ctlLater(target.pid, "wait");
  server.ctl(target.pid, "usr2");
  await target.prints("usr2\n");
  assert.equal(target.output, "ready\nusr2\n");
  server.ctl(target.pid, "detach");
});

test("a signal name continues a target that was stopped by attach", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  await server.stop(target.pid);
  server.ctl(target.pid, "usr1");
  await target.prints("usr1\n");
  server.ctl(target.pid, "detach");
});

test("attach and detach without a look leave no SIGTRAP behind", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  for (let i = 0; i < 50; i++) {
    server.ctl(target.pid, "attach");
    if (i % 2) {
      await server.ctlLater(target.pid, "wait");
      server.ctl(target.pid, "step");
    }
    await server.ctlLater(target.pid, "detach");
  }
  server.write(target.pid, "note", "hup");
  await target.prints("hup\n");
  assert.equal(target.output, "ready\nhup\n");
});

test("attach refuses oneself, a second time, a zombie and a kernel thread", NEEDS_MOUNT, async () => {
  await using agent = await Agent.start();
  assert.equal(await agent.writes(server.path(agent.pid, "ctl"), "attach"), "EINVAL");
  await using target = await Target.start("sleeper");
  server.ctl(target.pid, "attach");
  assert.throws(() => server.ctl(target.pid, "attach"), code("EBUSY"));
  server.ctl(target.pid, "detach");
  assert.throws(() => server.ctl(2, "attach"), code("EPERM"));
});

test("run, step and wait need control; detach of an untraced process succeeds", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  for (const word of ["run", "step"]) assert.throws(() => server.ctl(target.pid, word), code("EBUSY"));
  server.ctl(target.pid, "detach");
  server.ctl(target.pid, "attach");
  await server.ctlLater(target.pid, "run");
  assert.throws(() => server.ctl(target.pid, "step"), code("EBUSY"));
  server.ctl(target.pid, "detach");
});

test("another session gets EBUSY; the session's end lets the target run", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  await using other = await Agent.start();
  assert.equal(await other.writes(server.path(target.pid, "ctl"), "attach"), "ok");
  for (const word of ["attach", "run", "step", "wait"]) {
    await assert.rejects(server.ctlLater(target.pid, word), code("EBUSY"));
  }
  assert.equal(await other.writes(server.path(target.pid, "ctl"), "wait"), "ok");
  other.child.kill("SIGKILL");
  await until(() => target.field("TracerPid") === "0", "detached after its controller died");
  await counts(target, symbol(target.binary, "counter"));
});

test("what gdb's like traces is busy", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const args = ["-p", String(target.pid), "-o", "/dev/null"];
  await using tracer = await Target.start("strace", { path: "/usr/bin/strace", args });
  await until(() => target.field("TracerPid") !== "0", "strace attached");
  for (const word of ["attach", "wait"]) assert.throws(() => server.ctl(target.pid, word), code("EBUSY"));
  assert.throws(() => server.regs(target.pid), code("EBUSY"));
  tracer.child.kill("SIGTERM");
});

test("wait on an untraced process returns when anything stops it", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const waited = server.ctlLater(target.pid, "wait");
  target.child.kill("SIGSTOP");
  await waited;
  target.child.kill("SIGCONT");
  await target.prints("cont\n");
});

test(
  "the seed's recipe: a child that stops itself, is attached and runs, stops on its first instruction",
  NEEDS_MOUNT,
  async () => {
    await using target = await Target.start("stops-then-execs", { args: ["/bin/echo", "hello"] });
    await server.ctlLater(target.pid, "wait");
    server.ctl(target.pid, "attach");
    await server.ctlLater(target.pid, "run");
    await server.ctlLater(target.pid, "wait");
    assert.equal(readlinkSync(server.path(target.pid, "file")), "/usr/bin/echo");
    const regs = server.regs(target.pid);
    const entry = readFileSync(`/proc/${target.pid}/maps`, "latin1")
      .split("\n")
      .find((line) => line.includes("ld-linux") && line.includes("r-xp"))!;
    const [start, end] = entry
      .split(" ")[0]!
      .split("-")
      .map((text) => BigInt(`0x${text}`));
    assert.ok(
      register(regs, ARCH.programCounter) >= start! && register(regs, ARCH.programCounter) < end!,
      "in the dynamic linker's entry",
    );
    assert.equal(register(regs, FRAME_POINTER), 0n);
    server.ctl(target.pid, "run");
    assert.deepEqual(await target.exit(), { code: 0, signal: null });
    assert.equal(target.output, "ready\nhello\n");
  },
);

test("after its recipe a target that was stopped runs on when detached", NEEDS_MOUNT, async () => {
  await using target = await Target.start("stops-then-execs", { args: ["/bin/echo", "hello"] });
  await server.ctlLater(target.pid, "wait");
  server.ctl(target.pid, "attach");
  await server.ctlLater(target.pid, "run");
  await server.ctlLater(target.pid, "wait");
  server.ctl(target.pid, "detach");
  assert.equal((await target.exit()).code, 0);
});

test("a job-control stop from before is still there after attach and detach", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  target.child.kill("SIGSTOP");
  await until(() => target.field("State").startsWith("T"), "stopped");
  await server.stop(target.pid);
  server.ctl(target.pid, "detach");
  await until(() => target.field("State").startsWith("T"), "stopped again");
  target.child.kill("SIGCONT");
  await target.prints("cont\n");
});

test("every thread stops, the current one steps, all run on", NEEDS_MOUNT, async () => {
  await using target = await Target.start("threads", { args: ["8"] });
  const counters = symbol(target.binary, "counters");
  const all = async (): Promise<bigint[]> =>
    Promise.all(Array.from({ length: 8 }, (_, i) => long(target.pid, counters + 8 * i)));
  await server.stop(target.pid);
  for (const tid of readdirSync(`/proc/${target.pid}/task`)) {
    assert.match(readFileSync(`/proc/${target.pid}/task/${tid}/stat`, "latin1"), /\) t /);
  }
  const held = await all();
  assert.deepEqual(await all(), held);
  server.ctl(target.pid, "step");
  await server.ctlLater(target.pid, "wait");
  assert.deepEqual((await all()).slice(1), held.slice(1));
  server.ctl(target.pid, "detach");
  for (let i = 0; i < 8; i++) await counts(target, counters + 8 * i);
});

test("threads are born and die while attached", NEEDS_MOUNT, async () => {
  await using target = await Target.start("spawner");
  const made = symbol(target.binary, "made");
  for (let i = 0; i < 20; i++) {
    await server.stop(target.pid);
    const held = await long(target.pid, made);
    assert.equal(await long(target.pid, made), held);
    server.ctl(target.pid, "run");
    await counts(target, made);
    server.ctl(target.pid, "stop");
    await server.ctlLater(target.pid, "wait");
    await server.ctlLater(target.pid, "detach");
    assert.equal(target.field("TracerPid"), "0");
    await counts(target, made);
  }
});

test("the first thread's exit does not end control", NEEDS_MOUNT, async () => {
  await using target = await Target.start("leader-exits");
  const counter = symbol(target.binary, "counter");
  await until(() => readFileSync(`/proc/${target.pid}/stat`, "latin1").includes(") Z "), "leader is a zombie");
  const other = readdirSync(`/proc/${target.pid}/task`).find((tid) => tid !== String(target.pid))!;
  server.ctl(target.pid, "attach");
  await server.ctlLater(target.pid, "wait");
  assert.match(readFileSync(`/proc/${target.pid}/task/${other}/stat`, "latin1"), /\) t /);
  assert.notEqual(pc(target.pid), 0n);
  server.ctl(target.pid, "detach");
  assert.equal(/TracerPid:\s*(\d+)/.exec(readFileSync(`/proc/${target.pid}/task/${other}/status`, "latin1"))![1], "0");
  assert.ok(counter > 0);
});

for (const kind of ["fork", "vfork"]) {
  test(`a child made by ${kind} under control is free`, NEEDS_MOUNT, async () => {
    await using target = await Target.start("forker", { args: [kind] });
    await server.stop(target.pid);
    server.ctl(target.pid, "usr1");
    await server.ctlLater(target.pid, "wait");
    // The child's end.
    server.ctl(target.pid, "chld");
    await target.exit();
    assert.match(target.output, /TracerPid:\t0\nchild 0\n/);
  });
}

test("exec under control stops on the first instruction", NEEDS_MOUNT, async () => {
  await using target = await Target.start("execs-on-usr1", { args: ["/bin/echo", "new image"] });
  await server.stop(target.pid);
  server.ctl(target.pid, "usr1");
  await server.ctlLater(target.pid, "wait");
  assert.equal(readlinkSync(server.path(target.pid, "file")), "/usr/bin/echo");
  server.ctl(target.pid, "run");
  assert.equal((await target.exit()).code, 0);
  assert.equal(target.output, "ready\nnew image\n");
});

test("exit under control is the parent's to see; a wait in progress ends with ESRCH", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  await server.stop(target.pid);
  server.ctl(target.pid, "run");
  const ctl = await open(server.path(target.pid, "ctl"), "w");
  const waited = assert.rejects(ctl.write("wait"), code("ESRCH"));
  const mem = await open(server.path(target.pid, "mem"), "r+");
  await mem.write(Buffer.alloc(4), 0, 4, symbol(target.binary, "go"));
  await mem.close();
  await waited;
  await ctl.close();
  assert.equal((await target.exit()).code, 7);
});

test("SIGKILL while stopped", NEEDS_MOUNT, async () => {
  await using target = await Target.start("threads", { args: ["4"] });
  await server.stop(target.pid);
  target.child.kill("SIGKILL");
  assert.equal((await target.exit()).signal, "SIGKILL");
  assert.throws(() => server.ctl(target.pid, "run"), code("ENOENT"));
});

test("kill as a word ends a stopped target", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  await server.stop(target.pid);
  server.ctl(target.pid, "kill");
  assert.equal((await target.exit()).signal, "SIGKILL");
});

test("an interrupted wait ends; the descriptor's process may be killed", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const waiter = await Agent.start();
  assert.equal(await waiter.writes(server.path(target.pid, "ctl"), "attach"), "ok");
  assert.equal(await waiter.writes(server.path(target.pid, "ctl"), "run"), "ok");
  assert.equal(await waiter.open(11, server.path(target.pid, "ctl"), O_WRONLY), "ok");
  const answer = waiter.write(11, "wait");
  await untilItAsks(waiter.pid);
  await waiter[Symbol.asyncDispose]();
  assert.equal(await answer, "gone");
  await until(() => target.field("TracerPid") === "0", "its control ended");
});
