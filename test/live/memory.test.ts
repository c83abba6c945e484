import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { after, before, test } from "node:test";
import { hostArch } from "../../src/host/linux/host-arch.ts";
import { Agent, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } from "../support/agent.ts";
import { symbol } from "../support/programs.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target } from "../support/target.ts";

const ARCH = hostArch();
const IS_X86 = ARCH.machine === "x86_64";
/** A register that the counter's loop does not use. */
const KEPT = IS_X86 ? "r15" : "x28";
/** Besides the program counter and the stack pointer, as gdb names them too. */
const IN_GDB = IS_X86
  ? ["rbp", "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r12", "r15", "eflags"]
  : ["x0", "x1", "x19", "x29", "x30"];
const ON_X86 = { ...NEEDS_MOUNT, skip: NEEDS_MOUNT.skip || (IS_X86 ? false : "x86-64's flags") };

let server: Server;
let zero: Server;
let agent: Agent;
before(async () => {
  if (NEEDS_MOUNT.skip) return;
  server = await Server.start();
  zero = await Server.start("holes=zero");
  agent = await Agent.start();
});
after(async () => {
  await agent?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  await zero?.[Symbol.asyncDispose]();
});

/** [start, end, permissions, path] of each mapping. */
function maps(pid: number): [number, number, string, string][] {
  return readFileSync(`/proc/${pid}/maps`, "latin1")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [range, perms, , , , path] = line.split(/ +/);
      const [start, end] = range!.split("-").map((text) => Number.parseInt(text, 16));
      return [start!, end!, perms!, path ?? ""];
    });
}

/** An address with a mapping below it and none at it. */
function hole(pid: number): number {
  const all = maps(pid);
  const at = all.findIndex(([, end], i) => all[i + 1] !== undefined && all[i + 1]![0] > end + 0x10000);
  return all[at]![1];
}

test("mem is the memory, of a running process too", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  await agent.open(11, server.path(target.pid, "mem"), O_RDWR);
  const text = symbol(target.binary, "text");
  assert.equal(((await agent.read(11, text, 6)) as Buffer).toString(), "before");
  assert.equal(await agent.write(11, "later\0", text), "ok");
  assert.equal(((await agent.read(11, text, 5)) as Buffer).toString(), "later");
  const [start, end] = maps(target.pid)[0]!;
  const image = readFileSync(target.binary).subarray(0, end - start);
  assert.deepEqual(((await agent.read(11, start, image.length)) as Buffer).subarray(0, image.length), image);
});

test("one can read one's own memory through curproc", NEEDS_MOUNT, async () => {
  await agent.open(11, server.path("curproc", "mem"), O_RDONLY);
  const [start] = maps(agent.pid)[0]!;
  assert.equal(((await agent.read(11, start, 4)) as Buffer).toString("latin1"), "\x7fELF");
});

test("unmapped memory is EFAULT, a read into a hole is short, above the top it ends", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  await agent.open(11, server.path(target.pid, "mem"), O_RDWR);
  const gap = hole(target.pid);
  assert.equal(await agent.read(11, gap, 8), "EFAULT");
  assert.equal(await agent.write(11, "x", gap), "EFAULT");
  assert.equal(await agent.read(11, 0, 8), "EFAULT");
  assert.equal(((await agent.read(11, gap - 16, 4096)) as Buffer).length, 16);
  for (const above of [BigInt(ARCH.userTop), 2n ** 62n, 2n ** 63n - 4096n]) {
    assert.deepEqual(await agent.read(11, above, 8), Buffer.alloc(0), String(above));
  }
  assert.equal(await agent.read(11, -8, 8), "EINVAL");
  assert.deepEqual(await agent.read(11, gap, 0), Buffer.alloc(0));
});

test("holes=zero reads unmapped pages as zero bytes, and what lies behind them", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  await agent.open(11, zero.path(target.pid, "mem"), O_RDONLY);
  const gap = hole(target.pid);
  await agent.open(12, server.path(target.pid, "mem"), O_RDONLY);
  const below = (await agent.read(12, gap - 4096, 4096)) as Buffer;
  assert.deepEqual(await agent.read(11, gap - 4096, 12288), Buffer.concat([below, Buffer.alloc(8192)]));
  assert.deepEqual(await agent.read(11, 0, 5000), Buffer.alloc(5000));
});

test("writing the text of one process changes neither the file nor another one", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  await using twin = await Target.start("sleeper");
  const before = readFileSync(target.binary);
  const main = symbol(target.binary, "main");
  await agent.open(11, server.path(target.pid, "mem"), O_RDWR);
  await agent.open(12, server.path(twin.pid, "mem"), O_RDWR);
  const original = await agent.read(12, main, 4);
  assert.equal(await agent.write(11, Buffer.from("cccccccc", "hex"), main), "ok");
  assert.deepEqual(await agent.read(11, main, 4), Buffer.from("cccccccc", "hex"));
  assert.deepEqual(await agent.read(12, main, 4), original);
  assert.deepEqual(readFileSync(target.binary), before);
});

test("exclusive writers: O_EXCL against a writer and the other way round", NEEDS_MOUNT, async () => {
  // The kernel does not pass O_EXCL on to FUSE: there both opens succeed, and the rule is for the other transports.
  await using target = await Target.start("sleeper");
  assert.equal(await agent.open(11, server.path(target.pid, "mem"), O_WRONLY), "ok");
  assert.equal(await agent.open(12, server.path(target.pid, "mem"), O_WRONLY | O_EXCL), "ok");
  for (const slot of [11, 12]) assert.equal(await agent.does(`close ${slot}`), "ok");
});

test("exec makes an open mem dead; regs and ctl go on", NEEDS_MOUNT, async () => {
  await using target = await Target.start("execs-on-usr1", { args: ["/bin/sleep", "60"] });
  await agent.open(11, server.path(target.pid, "mem"), O_RDWR);
  await agent.open(12, server.path(target.pid, "regs"), O_RDONLY);
  const [start] = maps(target.pid)[0]!;
  assert.equal(((await agent.read(11, start, 4)) as Buffer).length, 4);
  await server.stop(target.pid);
  server.ctl(target.pid, "usr1");
  await server.ctlLater(target.pid, "wait");
  assert.equal(await agent.read(11, start, 4), "ESRCH");
  assert.equal(await agent.write(11, "x", start), "ESRCH");
  assert.equal(((await agent.read(12, 0, 4096)) as Buffer).length, ARCH.registerSize);
  server.ctl(target.pid, "detach");
});

test("tail of a process's own memory ends", NEEDS_MOUNT, () => {
  const { signal, status } = spawnSync("tail", ["-c", "100", server.path("curproc", "mem")], { timeout: 10_000 });
  assert.equal(signal, null);
  assert.notEqual(status, null);
});

test("dd copies a megabyte in one piece", NEEDS_MOUNT, async () => {
  await using target = await Target.start("threads", { args: ["2"] });
  const big = maps(target.pid).find(([start, end, perms]) => end - start >= 1 << 20 && perms.startsWith("rw"))!;
  const dd = spawnSync(
    "dd",
    [`if=${server.path(target.pid, "mem")}`, "bs=1M", "count=1", "iflag=skip_bytes", `skip=${big[0]}`],
    { maxBuffer: 4 << 20 },
  );
  assert.equal(dd.stdout.length, 1 << 20);
  assert.match(dd.stderr.toString(), /^1\+0 records in/m);
});

test("the size of mem is text, data and stack", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const [, , , text, , data] = readFileSync(`/proc/${target.pid}/statm`, "latin1").split(" ").map(Number);
  assert.equal(statSync(server.path(target.pid, "mem")).size, (text! + data!) * 4096);
});

test("regs: one structure, at any time; slices, end and beyond", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  await agent.open(11, server.path(target.pid, "regs"), O_RDWR);
  const main = symbol(target.binary, "main");
  const pc = 8 * ARCH.registers.indexOf(ARCH.programCounter);
  for (let i = 0; i < 50; i++) {
    const at = Number(((await agent.read(11, pc, 8)) as Buffer).readBigUInt64LE());
    assert.ok(at >= main && at < main + 256, at.toString(16));
  }
  assert.equal(target.field("TracerPid"), "0");
  assert.equal(readFileSync(server.path(target.pid, "regs")).length, ARCH.registerSize);
  const end = ARCH.registerSize;
  assert.deepEqual(await agent.read(11, end, 8), Buffer.alloc(0));
  assert.equal(await agent.read(11, end + 1, 8), "EINVAL");
  assert.equal(await agent.write(11, "x", end), "EINVAL");
  assert.equal(((await agent.read(11, end - 6, 100)) as Buffer).length, 6);
});

test("writing eight bytes of a stopped process's registers changes only those", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  await server.stop(target.pid);
  const before = server.regs(target.pid);
  await agent.open(11, server.path(target.pid, "regs"), O_WRONLY);
  const value = Buffer.from("0123456789abcdef", "hex");
  const at = 8 * ARCH.registers.indexOf(KEPT);
  assert.equal(await agent.write(11, value, at), "ok");
  assert.equal(await agent.write(11, Buffer.from([0xff]), at + 3), "ok");
  const expected = Buffer.from(before);
  value.copy(expected, at);
  expected[at + 3] = 0xff;
  assert.deepEqual(server.regs(target.pid), expected);
  server.ctl(target.pid, "detach");
});

test("registers of a running process can be written", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  await agent.open(11, server.path(target.pid, "regs"), O_RDWR);
  const kept = 8 * ARCH.registers.indexOf(KEPT);
  assert.equal(await agent.write(11, Buffer.alloc(8, 0x5a), kept), "ok");
  assert.deepEqual(await agent.read(11, kept, 8), Buffer.alloc(8, 0x5a));
});

test("privileged flags are filtered", ON_X86, async () => {
  await using target = await Target.start("counter");
  await agent.open(11, server.path(target.pid, "regs"), O_RDWR);
  const eflags = 8 * ARCH.registers.indexOf("eflags");
  const flags = (await agent.read(11, eflags, 8)) as Buffer;
  const raised = Buffer.from(flags);
  raised.writeUInt32LE(flags.readUInt32LE(0) | 0x3000 | 0x2_0000, 0);
  await agent.write(11, raised, eflags);
  assert.equal(((await agent.read(11, eflags, 8)) as Buffer).readUInt32LE(0) & 0x2_3000, 0);
});

test("one's own registers are EDEADLK", NEEDS_MOUNT, async () => {
  await agent.open(11, server.path("curproc", "regs"), O_RDONLY);
  assert.equal(await agent.read(11, 0, ARCH.registerSize), "EDEADLK");
});

test("looking at the registers of a sleeping process does not wake it", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  for (let i = 0; i < 100; i++) assert.equal(server.regs(target.pid).length, ARCH.registerSize);
  assert.equal(target.field("TracerPid"), "0");
  server.write(target.pid, "note", "usr1");
  await target.prints("usr1\n");
  assert.equal(target.output, "ready\nusr1\n");
});

test("gdb agrees about registers and memory of a stopped program", { ...NEEDS_MOUNT, timeout: 120_000 }, async () => {
  await using target = await Target.start("counter");
  await server.stop(target.pid);
  const ours = server.regs(target.pid);
  await agent.open(11, server.path(target.pid, "mem"), O_RDONLY);
  const counter = symbol(target.binary, "counter");
  const memory = ((await agent.read(11, counter, 8)) as Buffer).readBigUInt64LE();
  // Handed over stopped: gdb cannot attach to what we trace.
  target.child.kill("SIGSTOP");
  server.ctl(target.pid, "run");
  await server.ctlLater(target.pid, "wait");
  const handed = server.regs(target.pid);
  const value = ((await agent.read(11, counter, 8)) as Buffer).readBigUInt64LE();
  server.ctl(target.pid, "stop");
  await server.ctlLater(target.pid, "wait");
  server.ctl(target.pid, "detach");
  const names = [ARCH.programCounter, ARCH.stackPointer, ...IN_GDB];
  const prints = names.map((name) => `-ex 'printf "%lu\\n", $${name}'`).join(" ");
  const command = `gdb -q -batch -p ${target.pid} ${prints} -ex 'printf "%lu\\n", *(unsigned long *)${counter}'`;
  const { stdout } = spawnSync("sh", ["-c", command], { encoding: "utf8", timeout: 60_000 });
  const shown = stdout
    .split("\n")
    .filter((line) => /^\d+$/.test(line))
    .map(BigInt);
  const expected = names.map((name) => handed.readBigUInt64LE(8 * ARCH.registers.indexOf(name)));
  assert.deepEqual(shown, [...expected, value]);
  assert.ok(value >= memory && ours.length === handed.length);
});
