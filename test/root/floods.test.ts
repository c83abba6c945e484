/** What one user asks for too much of, and another does not notice. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { after, before, test } from "node:test";
import { ERRNO } from "../../src/core/base/errno.ts";
import { QUOTAS } from "../../src/core/procfs/quotas.ts";
import { Agent, O_RDONLY } from "../support/agent.ts";
import { program } from "../support/programs.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target, until } from "../support/target.ts";

const A = 61001;
const B = 61002;

let server: Server;
before(async () => {
  if (NEEDS_MOUNT.skip) return;
  server = await Server.start("allow_other");
  chmodSync(server.dir, 0o755);
});
after(() => server?.[Symbol.asyncDispose]());

/** How many times the file or directory could be opened, and the errno that ended it; they are closed behind it. */
async function opensMany(path: string): Promise<{ opened: number; errno: number }> {
  await using many = await Target.start("opens-many", { uid: A, args: [path] });
  await many.prints("errno");
  const [, opened, errno] = /opened (\d+) errno (\d+)\n/.exec(many.output)!;
  await using victim = await Agent.start({ uid: B });
  assert.equal(await victim.open(11, path.replace(/\d+\/map$/, "curproc/map"), O_RDONLY), "ok");
  many.child.stdin!.end();
  await many.exit();
  return { opened: Number(opened), errno: Number(errno) };
}

test("directories and files beside the processes count as open files", NEEDS_MOUNT, async () => {
  await using own = await Target.start("sleeper", { uid: A });
  for (const path of [server.path(own.pid), server.path("swap")]) {
    assert.deepEqual(await opensMany(path), { opened: QUOTAS.openFiles.most, errno: ERRNO.EMFILE }, path);
  }
});

test("what open files hold is bounded, not only their number", NEEDS_MOUNT, async () => {
  await using own = await Target.start("many-mappings", { uid: A, args: ["60000"] });
  const { opened, errno } = await opensMany(server.path(own.pid, "map"));
  assert.equal(errno, ERRNO.EMFILE);
  assert.ok(opened > 1 && opened < 64, `${opened}`);
});

test("one uid attaches so many processes and no more", NEEDS_MOUNT, async () => {
  const many = spawn(program("accounts-many"), [server.dir, String(QUOTAS.attached.most + 5), "attach"], {
    ...{ uid: A, gid: A, cwd: "/", detached: true },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [said] = await once(many.stdout.setEncoding("latin1"), "data");
  assert.equal(said, `${QUOTAS.attached.most} ${ERRNO.EAGAIN}\n`);
  await using target = await Target.start("sleeper", { uid: B });
  await using victim = await Agent.start({ uid: B });
  assert.equal(await victim.writes(server.path(target.pid, "ctl"), "attach"), "ok");
  many.stdin.end();
  await once(many, "exit");
  await using again = await Target.start("sleeper", { uid: A });
  await using agent = await Agent.start({ uid: A });
  assert.equal(await agent.writes(server.path(again.pid, "ctl"), "attach"), "ok");
});

test(
  "a process of many threads is attached by root alone, and its registers are had by others",
  NEEDS_MOUNT,
  async () => {
    await using target = await Target.start("idle-threads", {
      uid: A,
      args: [String(QUOTAS.attachedThreads.most + 1)],
    });
    await using agent = await Agent.start({ uid: A });
    assert.equal(await agent.writes(server.path(target.pid, "ctl"), "attach"), "EAGAIN");
    assert.equal(await agent.open(11, server.path(target.pid, "regs"), O_RDONLY), "ok");
    assert.equal(await agent.read(11, 0, 8), "EAGAIN");
    server.ctl(target.pid, "attach");
    server.ctl(target.pid, "detach");
  },
);

test(
  "a process that comes to have too many threads under control is let go, but not by root",
  NEEDS_MOUNT,
  async () => {
    const args = ["10", String(QUOTAS.attachedThreads.most)];
    const threads = (target: Target): boolean => Number(target.field("Threads")) === 11 + QUOTAS.attachedThreads.most;
    await using agent = await Agent.start({ uid: A });
    await using target = await Target.start("idle-threads", { uid: A, args });
    assert.equal(await agent.writes(server.path(target.pid, "ctl"), "attach; wait; run"), "ok");
    target.child.stdin!.write("x");
    await until(() => threads(target) && target.field("TracerPid") === "0", "let go");
    assert.equal(await agent.writes(server.path(target.pid, "ctl"), "run"), "EBUSY");
    await using roots = await Target.start("idle-threads", { uid: A, args });
    await server.ctlLater(roots.pid, "attach; wait; run");
    roots.child.stdin!.write("x");
    await until(() => threads(roots), "all are there");
    await server.ctlLater(roots.pid, "halt; wait; detach");
  },
);

test("readers of a map of many thousand mappings hold nobody up", NEEDS_MOUNT, async () => {
  for (const change of [[], ["changes"]]) {
    await using own = await Target.start("many-mappings", { uid: A, args: ["60000", ...change] });
    const map = server.path(own.pid, "map");
    const readers = Array.from({ length: 3 }, () =>
      spawn("sh", ["-c", `while cat ${map} > /dev/null; do :; done`], {
        ...{ uid: A, gid: A, cwd: "/", stdio: "ignore", detached: true },
      }),
    );
    await using victim = await Agent.start({ uid: B });
    const times: number[] = [];
    for (const end = performance.now() + 3000; performance.now() < end; ) {
      const begin = performance.now();
      assert.equal(await victim.open(12, server.path(own.pid, "status"), O_RDONLY), "ok");
      await victim.read(12, 0, 200);
      times.push(performance.now() - begin);
      await victim.does("close 12");
    }
    const ended = readers.map((reader) => once(reader, "exit"));
    for (const { pid } of readers) process.kill(-pid!, "SIGKILL");
    await Promise.all(ended);
    times.sort((a, b) => a - b);
    // Without the threads every one took more than a second. How long the longest takes is the machine's matter, and the bench's.
    assert.ok(times[times.length >> 1]! < 200, `${times[times.length >> 1]} ms`);
  }
});
