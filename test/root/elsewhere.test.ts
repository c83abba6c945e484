/** Processes that keep whoever looks at them waiting: only who asks for them waits, and not for ever. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { QUOTAS } from "../../src/core/procfs/quotas.ts";
import { Agent, O_RDONLY } from "../support/agent.ts";
import { Hanging } from "../support/hanging.ts";
import { program } from "../support/programs.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target, untilItAsks } from "../support/target.ts";

const A = 61001;
const B = 61002;
/** Nobody who does not ask for a process that hangs waits longer: generous, as other tests run beside this one. */
const AT_ONCE_MS = 900;

let server: Server;
before(async () => {
  if (NEEDS_MOUNT.skip) return;
  server = await Server.start("allow_other");
  chmodSync(server.dir.replace(/\/[^/]*$/, ""), 0o1777);
});
after(() => server?.[Symbol.asyncDispose]());

/** What `act` gives, which has to come at once. */
async function atOnce<T>(what: string, act: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  const result = await act();
  const took = performance.now() - begin;
  assert.ok(took < AT_ONCE_MS, `${what} took ${took.toFixed(0)} ms`);
  return result;
}

/** Looks at `pid` again and again until `over`: every answer has to come at once. Returns how many there were. */
async function keepsLooking(looker: Agent, pid: number, over: Promise<unknown>): Promise<number> {
  let looks = 0;
  let done = false;
  void over.then(() => {
    done = true;
  });
  for (; !done; looks++) {
    const opened = await atOnce("a look at another process", () =>
      looker.open(12, server.path(pid, "status"), O_RDONLY),
    );
    assert.equal(opened, "ok");
    assert.match(String(await looker.read(12, 0, 200)), /^\S+ \d+ /);
    await looker.does("close 12");
  }
  return looks;
}

test("status of a process inside exec: who asks is told in time, nobody else waits", NEEDS_MOUNT, async () => {
  await using target = await Hanging.inExec(A);
  await using asks = await Agent.start({ uid: B });
  await using victim = await Agent.start({ uid: B });
  await using other = await Target.start("sleeper", { uid: A });
  const status = server.path(target.pid, "status");
  const answer = asks.open(11, status, O_RDONLY);
  assert.ok((await keepsLooking(victim, other.pid, answer)) > 3);
  assert.equal(await answer, "ETIMEDOUT");
  assert.equal(await atOnce("the second request", () => victim.open(11, status, O_RDONLY)), "ETIMEDOUT");
  assert.ok(readdirSync(server.dir).includes(String(target.pid)));
  assert.match(await atOnce("stat", () => victim.raw(`stat ${status}`)), /^ok/);
});

test("nothing of a process inside exec can be had, and nothing hangs", NEEDS_MOUNT, async () => {
  await using target = await Hanging.inExec(A);
  await using owner = await Agent.start({ uid: A });
  for (const node of ["mem", "map"])
    assert.equal(await owner.open(11, server.path(target.pid, node), O_RDONLY), "ETIMEDOUT");
  assert.equal(await owner.open(11, server.path(target.pid, "regs"), O_RDONLY), "ok");
  assert.equal(await owner.read(11, 0, 8), "ETIMEDOUT");
  assert.equal(await owner.writes(server.path(target.pid, "ctl"), "attach"), "ETIMEDOUT");
});

test("a reader of a process inside exec can be interrupted", NEEDS_MOUNT, async () => {
  await using target = await Hanging.inExec(A);
  const cat = spawn("cat", [server.path(target.pid, "status")], { stdio: "ignore", detached: true });
  await once(cat, "spawn");
  await untilItAsks(cat.pid!);
  cat.kill("SIGINT");
  await atOnce("the interrupted reader's end", () => once(cat, "exit"));
});

test("a server one of whose threads waits for a process ends when it is told to", NEEDS_MOUNT, async () => {
  const own = await Server.start("allow_other");
  await using target = await Hanging.inExec(A);
  const cat = spawn("cat", [own.path(target.pid, "status")], { stdio: "ignore", detached: true });
  await once(cat, "exit");
  await atOnce("its end", () => own[Symbol.asyncDispose]());
  assert.equal(own.child.exitCode, 0);
});

test("processes of one owner cannot take more than their share of the threads", NEEDS_MOUNT, async () => {
  await using one = await Hanging.inExec(A);
  await using two = await Hanging.inExec(A);
  await using three = await Hanging.inExec(A);
  await using asks = await Agent.start({ uid: B });
  await using other = await Target.start("sleeper", { uid: 61003 });
  for (const { pid } of [one, two])
    assert.equal(await asks.open(11, server.path(pid, "status"), O_RDONLY), "ETIMEDOUT");
  const refused = await atOnce("the third", () => asks.open(11, server.path(three.pid, "status"), O_RDONLY));
  assert.equal(refused, "EAGAIN");
  await keepsLooking(asks, other.pid, Promise.resolve());
});

test("many owners of processes that hang take no thread from others", NEEDS_MOUNT, async () => {
  const hanging = await Promise.all(Array.from({ length: 22 }, (_, i) => Hanging.inExec(61100 + (i >> 1))));
  const askers = await Promise.all(hanging.map((_, i) => Agent.start({ uid: 61200 + i })));
  try {
    await using victim = await Agent.start({ uid: B });
    await using other = await Target.start("sleeper", { uid: 61003 });
    await keepsLooking(victim, other.pid, Promise.resolve());
    const answers = Promise.all(
      askers.map((asker, i) => asker.open(11, server.path(hanging[i]!.pid, "status"), O_RDONLY)),
    );
    assert.ok((await keepsLooking(victim, other.pid, answers)) > 3);
    assert.deepEqual(new Set(await answers), new Set(["ETIMEDOUT"]));
    await keepsLooking(victim, other.pid, Promise.resolve());
  } finally {
    await Promise.all([...askers, ...hanging].map((each) => each[Symbol.asyncDispose]()));
  }
});

test("attach to a process whose exec does not end is refused", NEEDS_MOUNT, async () => {
  await using target = await Hanging.beforeExec(A);
  await using root = await Agent.start();
  await using victim = await Agent.start({ uid: B });
  await using other = await Target.start("sleeper", { uid: A });
  // Its owner is refused for another reason: it is in a user namespace of its own.
  assert.equal(await root.open(12, server.path(target.pid, "regs"), O_RDONLY), "ok");
  const answers = (async () => [
    await root.writes(server.path(target.pid, "ctl"), "attach"),
    await root.read(12, 0, 8),
  ])();
  assert.ok((await keepsLooking(victim, other.pid, answers)) > 3);
  assert.deepEqual(await answers, ["EAGAIN", "EAGAIN"]);
});

test("a process one of whose threads another process traces is busy", NEEDS_MOUNT, async () => {
  await using tracer = await Target.start("traced-thread", { uid: A });
  await tracer.prints("\npid ");
  const pid = Number(/pid (\d+)/.exec(tracer.output)![1]);
  await using owner = await Agent.start({ uid: A });
  for (const exec of [false, true]) {
    if (exec) tracer.child.stdin!.write("x");
    const attached = await atOnce("attach", () => owner.writes(server.path(pid, "ctl"), "attach"));
    assert.equal(attached, "EBUSY");
    assert.equal(await owner.open(11, server.path(pid, "regs"), O_RDONLY), "ok");
    assert.equal(await atOnce("regs", () => owner.read(11, 0, 8)), "EBUSY");
  }
});

test("memory that a file system never delivers keeps only its reader waiting", NEEDS_MOUNT, async () => {
  const asA = ["setpriv", `--reuid=${A}`, `--regid=${A}`, "--clear-groups"];
  await using target = await Hanging.start(0, "r", (dir) => [...asA, program("maps-file"), join(dir, "x")]);
  await using root = await Agent.start();
  await using victim = await Agent.start({ uid: B });
  await using other = await Target.start("sleeper", { uid: A });
  assert.equal(await root.open(11, server.path(target.pid, "mem"), O_RDONLY), "ok");
  const answer = root.read(11, 0x700000000000, 8);
  assert.ok((await keepsLooking(victim, other.pid, answer)) > 3);
  assert.equal(await answer, "ETIMEDOUT");
});

test("a user who opens many files is refused, nobody else", NEEDS_MOUNT, async () => {
  await using own = await Target.start("sleeper", { uid: A });
  await using many = await Target.start("opens-many", { uid: A, args: [server.path(own.pid, "mem")] });
  await many.prints("errno");
  assert.match(many.output, new RegExp(`opened ${QUOTAS.openFiles.most} errno 24\n`));
  await using victim = await Agent.start({ uid: B });
  assert.equal(await victim.open(11, server.path("curproc", "mem"), O_RDONLY), "ok");
  many.child.stdin!.end();
  await many.exit();
  await using again = await Agent.start({ uid: A });
  assert.equal(await again.open(11, server.path("curproc", "mem"), O_RDONLY), "ok");
});

test("a storm of execs with many threads, attached to again and again, holds nobody up", NEEDS_MOUNT, async () => {
  await using storm = await Target.start("exec-storm", { uid: A, args: ["60"] });
  await using attacker = await Target.start("attach-loop", { uid: A, args: [server.path(storm.pid, "ctl")] });
  await using victim = await Agent.start({ uid: B });
  await using other = await Target.start("sleeper", { uid: A });
  const over = new Promise((resolve) => setTimeout(resolve, 10_000));
  assert.ok((await keepsLooking(victim, other.pid, over)) > 10);
  attacker.child.stdin!.end();
  await attacker.exit();
  assert.match(attacker.output, /accepted/);
});

test("the same storm by root, of whose processes nothing is found out beforehand", NEEDS_MOUNT, async () => {
  await using storm = await Target.start("exec-storm", { args: ["60"] });
  await using attacker = await Target.start("attach-loop", { args: [server.path(storm.pid, "ctl")] });
  await using victim = await Agent.start({ uid: B });
  await using other = await Target.start("sleeper", { uid: A });
  const over = new Promise((resolve) => setTimeout(resolve, 10_000));
  assert.ok((await keepsLooking(victim, other.pid, over)) > 10);
  attacker.child.stdin!.end();
  await attacker.exit();
});
