/** Why a process is stopped, what happens to it, and the words that stop it: `stop`, `events`, halt, wait SECONDS. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { after, before, test } from "node:test";
import { hostArch } from "../../src/host/linux/host-arch.ts";
import { Agent, O_RDONLY, O_WRONLY } from "../support/agent.ts";
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
const pc = (pid: number): bigint => server.regs(pid).readBigUInt64LE(8 * ARCH.registers.indexOf(ARCH.programCounter));
const stop = (pid: number | string): string => readFileSync(server.path(pid, "stop"), "latin1");
const words = (pid: number, text: string): Promise<void> => server.ctlLater(pid, text);

test("stop tells why a process is stopped, and stops nothing itself", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const { pid } = target;
  assert.equal(stop(pid), "running\n");
  const at = (): string => `thread ${pid} pc 0x${pc(pid).toString(16)}\n`;
  await words(pid, "attach; wait");
  assert.equal(stop(pid), `attach ${at()}`);
  await words(pid, "run");
  assert.equal(stop(pid), "running\n");
  await words(pid, "halt; wait");
  assert.equal(stop(pid), `halt ${at()}`);
  await words(pid, "run");
  process.kill(pid, "SIGUSR1");
  await words(pid, "wait");
  assert.equal(stop(pid), `signal 10 usr1 code user from ${process.pid} uid 0 ${at()}`);
  server.ctl(pid, "usr1");
  await target.prints("usr1\n");
  process.kill(pid, "SIGSTOP");
  await words(pid, "wait");
  assert.match(stop(pid), /^signal 19 stop code user from /);
  // What the signal then does to the whole process is another stop.
  await words(pid, "stop; wait");
  assert.equal(stop(pid), `stopped 19 stop ${at()}`);
  await words(pid, "detach");
});

test("stop tells a fault with its address", NEEDS_MOUNT, async () => {
  await using target = await Target.start("faults");
  await words(target.pid, "attach; wait; run");
  target.child.stdin!.write("\n");
  await words(target.pid, "wait");
  const at = pc(target.pid).toString(16);
  assert.equal(stop(target.pid), `signal 11 segv addr 0x10 code mapping thread ${target.pid} pc 0x${at}\n`);
  server.ctl(target.pid, "segv");
  assert.equal((await target.exit()).signal, "SIGSEGV");
});

test("stop tells a step, for as long as the process is stopped", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  await words(target.pid, "attach; wait; step; wait");
  for (let i = 0; i < 10; i++)
    assert.equal(stop(target.pid), `step thread ${target.pid} pc 0x${pc(target.pid).toString(16)}\n`);
  await words(target.pid, "detach");
});

test("stop tells an exec; the first step behind an exec executes an instruction", NEEDS_MOUNT, async () => {
  await using target = await Target.start("execs-on-usr1", { args: ["/bin/echo", "new image"] });
  const { pid } = target;
  await words(pid, "attach; wait; usr1; wait");
  const first = pc(pid);
  assert.equal(stop(pid), `exec /usr/bin/echo thread ${pid} pc 0x${first.toString(16)}\n`);
  const seen = [first];
  for (let i = 0; i < 3; i++) {
    await words(pid, "step; wait");
    seen.push(pc(pid));
  }
  assert.equal(new Set(seen).size, 4, `stepped to ${seen}`);
  assert.ok(seen[1]! > first && seen[1]! <= first + 15n, "the first instruction is no jump");
  await words(pid, "run");
  assert.equal((await target.exit()).code, 0);
});

test("stop of those whom nobody here controls", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  target.child.kill("SIGSTOP");
  await until(() => target.field("State").startsWith("T"), "stopped");
  assert.equal(stop(target.pid), "stopped\n");
  // They end when their parent is sleep(1), which collects nobody.
  const child = (end: string): string =>
    `sh -c 'while ! grep -q sleep /proc/$PPID/comm; do :; done; ${end}' & echo $!;`;
  const script = `${child("exit 7")} ${child("kill -9 $$")} exec sleep 60`;
  await using parent = await Target.start("dash", { path: "/bin/dash", args: ["-c", script] });
  await until(() => parent.output.split("\n").length === 3, "both children told");
  const [exits, killed] = parent.output.split("\n").map(Number);
  for (const pid of [exits, killed])
    await until(() => readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z "), "a zombie");
  assert.equal(stop(exits!), "exited 7\n");
  assert.equal(stop(killed!), "killed 9 kill\n");
});

const HAS_GDB = spawnSync("gdb", ["--version"]).status === 0;
const NEEDS_GDB = { ...NEEDS_MOUNT, skip: NEEDS_MOUNT.skip || (HAS_GDB ? false : "needs gdb") };

test("stop of a process that gdb holds names gdb", NEEDS_GDB, async () => {
  await using target = await Target.start("sleeper");
  const args = ["-q", "-nx", "-p", String(target.pid)];
  await using tracer = await Target.start("gdb", { path: "/usr/bin/gdb", args });
  await until(() => target.field("State").startsWith("t") && target.field("TracerPid") !== "0", "held");
  await tracer.prints("(gdb) ");
  assert.equal(stop(target.pid), `traced ${tracer.pid}\n`);
});

test("halt ends a step that waits, and needs control", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const { pid } = target;
  assert.throws(() => server.ctl(pid, "halt"), code("EBUSY"));
  await until(() => target.field("State").startsWith("S"), "in pause(2), which the step makes again");
  await words(pid, "attach; wait; step");
  await assert.rejects(words(pid, "wait 0.05"), code("ETIMEDOUT"));
  await words(pid, "halt; wait");
  assert.match(stop(pid), /^halt /);
  await words(pid, "halt; wait; hup");
  await target.prints("hup\n");
  await words(pid, "halt; wait; detach");
  server.write(pid, "note", "usr1");
  await target.prints("usr1\n");
  assert.equal(target.output, "ready\nhup\nusr1\n");
});

test("wait gives up after its seconds; the stop comes to who waits on", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  await words(target.pid, "attach; wait; run");
  const begin = performance.now();
  await assert.rejects(words(target.pid, "wait 0.2"), code("ETIMEDOUT"));
  assert.ok(performance.now() - begin >= 199);
  const waits = words(target.pid, "wait 60");
  process.kill(target.pid, "SIGUSR1");
  await waits;
  await words(target.pid, "usr1; detach");
  await target.prints("usr1\n");
});

test("every reader of events gets every line, numbered, with its time", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  const { pid } = target;
  const readers = await Promise.all([open(server.path(pid, "events")), open(server.path(pid, "events"))]);
  const next = async (i: number): Promise<string> => {
    const { bytesRead, buffer } = await readers[i]!.read(Buffer.alloc(4096), 0, 4096);
    return buffer.toString("latin1", 0, bytesRead);
  };
  const asked = [next(0), next(1)];
  const before = Date.now() / 1000 - 0.01;
  await words(pid, "attach; wait");
  const lines = await Promise.all(asked);
  assert.equal(lines[0], lines[1]);
  const match = /^1 (\d+\.\d{6}) (attach thread .*\n)$/.exec(lines[0]!);
  assert.ok(match, lines[0]);
  assert.ok(Number(match[1]) >= before && Number(match[1]) <= Date.now() / 1000 + 0.01, match[1]);
  assert.equal(match[2], stop(pid));
  await words(pid, "step; wait; step; wait; detach");
  const numbers = (text: string): string[] =>
    text.split("\n").map((line) => line.split(" ").toSpliced(1, 1).slice(0, 2).join(" "));
  assert.deepEqual(numbers(await next(0)), ["2 step", "3 step", "4 detached", ""]);
  await words(pid, "attach; wait; kill");
  assert.deepEqual(numbers(await next(0)).slice(0, 1), ["5 attach"]);
  const rest = [await next(1), await next(1)].join("");
  assert.deepEqual(numbers(rest), ["2 step", "3 step", "4 detached", "5 attach", "6 killed", ""]);
  assert.equal(await next(1), "", "the end");
  for (const reader of readers) await reader.close();
});

test("a slow reader of events is told how many it has missed", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  await using reader = await Agent.start();
  const events = server.path(target.pid, "events");
  assert.equal(await reader.open(11, events, O_RDONLY), "ok");
  await words(target.pid, "attach; wait");
  for (let i = 0; i < 30; i++) await words(target.pid, Array(10).fill("step; wait").join("; "));
  const text = String(await reader.read(11, 0, 1 << 16));
  const lines = text.trimEnd().split("\n");
  assert.deepEqual([lines.length, lines[0], lines[1]!.split(" ")[0]], [257, "missed 45", "46"]);
  assert.equal(lines.at(-1)!.split(" ")[0], "301");
  await words(target.pid, "detach");
});

test("events of a process that nobody controls: its end", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  const file = await open(server.path(target.pid, "events"));
  const end = file.read(Buffer.alloc(100), 0, 100);
  target.child.kill("SIGTERM");
  const { bytesRead, buffer } = await end;
  assert.match(buffer.toString("latin1", 0, bytesRead), /^1 \d+\.\d+ (killed 15 term|gone)\n$/);
  await file.close();
});

test("a reader of events that is told by fcntl(2) not to wait does not", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  // dd sets the flag on the file that is open already.
  const script = `dd iflag=nonblock bs=100 count=1 < ${server.path(target.pid, "events")}`;
  const { status, stderr } = spawnSync("sh", ["-c", script], { encoding: "latin1", timeout: 10_000 });
  assert.equal(status, 1);
  assert.match(stderr, /temporarily unavailable/);
});

const POLLIN = 1;
const POLLPRI = 2;
const POLLOUT = 4;
const POLLHUP = 16;

test("poll(2) waits for an event, and on ctl for a stop", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  await using agent = await Agent.start();
  const { pid } = target;
  assert.equal(await agent.open(11, server.path(pid, "events"), O_RDONLY), "ok");
  assert.equal(await agent.open(12, server.path(pid, "ctl"), O_WRONLY), "ok");
  assert.equal(await agent.raw(`poll 11 ${POLLIN} 0`), "ok 0");
  assert.equal(await agent.raw(`poll 12 ${POLLPRI} 0`), "ok 0");
  assert.equal(await agent.raw(`poll 12 ${POLLPRI | POLLOUT} 0`), `ok ${POLLOUT}`);
  for (const [slot, events] of [
    [11, POLLIN],
    [12, POLLPRI],
  ]) {
    const polled = agent.raw(`poll ${slot} ${events} 30000`);
    await until(
      () => /poll_schedule|do_poll|do_sys_poll/.test(readFileSync(`/proc/${agent.pid}/wchan`, "latin1")),
      "waiting in poll",
    );
    await words(pid, "attach; wait");
    assert.equal(await polled, `ok ${events}`);
    await words(pid, "detach");
  }
  assert.ok((await agent.read(11, 0, 4096)).length > 0);
  assert.equal(await agent.raw(`poll 11 ${POLLIN} 0`), "ok 0");
  const ended = agent.raw(`poll 11 ${POLLIN} 30000`);
  target.child.kill("SIGKILL");
  assert.equal(await ended, `ok ${POLLIN | POLLHUP}`);
});

test("a reader that does not want to wait is told so; one that is interrupted ends", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const agent = await Agent.start();
  assert.equal(await agent.open(11, server.path(target.pid, "events"), O_RDONLY | 0o4000), "ok");
  assert.equal(await agent.read(11, 0, 100), "EAGAIN");
  assert.equal(await agent.open(11, server.path(target.pid, "events"), O_RDONLY), "ok");
  const waits = agent.read(11, 0, 100);
  await until(() => /request_wait/.test(readFileSync(`/proc/${agent.pid}/wchan`, "latin1")), "waiting in the kernel");
  await agent[Symbol.asyncDispose]();
  await waits.catch(() => {});
  server.write(target.pid, "note", "usr1");
  await target.prints("usr1\n");
});

test("stop and events are for those who may debug the process", NEEDS_MOUNT, async () => {
  await using allowed = await Server.start("allow_other");
  await using target = await Target.start("sleeper");
  await using agent = await Agent.start({ uid: 61001 });
  for (const name of ["stop", "events"])
    assert.equal(await agent.open(11, allowed.path(target.pid, name), O_RDONLY), "EACCES", name);
});
