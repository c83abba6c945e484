import { after, before, test } from "node:test";
import { Agent, O_RDONLY } from "../support/agent.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target } from "../support/target.ts";

let server: Server;
before(async () => {
  if (!NEEDS_MOUNT.skip) server = await Server.start();
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** How many processes are killed while they are looked at or let go: the windows are microseconds wide. */
const ROUNDS = 150;

test("a process killed while it is looked at is reaped by its parent", NEEDS_MOUNT, async () => {
  await using agent = await Agent.start();
  for (let i = 0; i < ROUNDS; i++) {
    const target = await Target.start("counter");
    await agent.open(11, server.path(target.pid, "regs"), O_RDONLY);
    const look = agent.read(11, 0, 216);
    for (let spin = 0; spin < i * 200; spin++);
    target.child.kill("SIGKILL");
    await look;
    await target.exit();
  }
});

test("a process killed while it makes a thread under control is reaped by its parent", NEEDS_MOUNT, async () => {
  for (let i = 0; i < ROUNDS; i++) {
    const target = await Target.start("spawner");
    server.ctl(target.pid, "attach");
    for (const word of ["wait", "run"]) await server.ctlLater(target.pid, word);
    for (let spin = 0; spin < i * 2000; spin++);
    target.child.kill("SIGKILL");
    await target.exit();
  }
});

test("a process killed while it is let go is reaped by its parent", NEEDS_MOUNT, async () => {
  await using agent = await Agent.start();
  for (let i = 0; i < ROUNDS; i++) {
    const target = await Target.start("threads", { args: ["2"] });
    const ctl = server.path(target.pid, "ctl");
    for (const word of ["attach", "wait"]) await agent.writes(ctl, word);
    const detached = agent.writes(ctl, "detach");
    for (let spin = 0; spin < i * 200; spin++);
    target.child.kill("SIGKILL");
    await detached;
    await target.exit();
  }
});
