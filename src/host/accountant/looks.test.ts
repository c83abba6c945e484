import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { NOT_YET } from "../../core/notify/ports.ts";
import { lookAt } from "./look.ts";
import { Looks } from "./looks.ts";

/** A process that does nothing, and looks at it; `asked` is what was asked of whoever may wait. */
async function world(t: TestContext, mayBlock: boolean) {
  const child = spawn("sh", ["-c", "echo; read x"], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout!, "data");
  const asked: number[] = [];
  const looks = new Looks({ ask: (pid) => asked.push(pid) > 0, mayBlock: () => mayBlock });
  return { pid: child.pid!, looks, asked };
}

test("who may wait is told so until a stranger's map is there; all share one look, which lasts while nothing changes", async (t) => {
  const { pid, looks, asked } = await world(t, true);
  looks.mayWait = true;
  const isNotYet = (error: unknown): boolean => error === NOT_YET;
  assert.throws(() => looks.map(pid, false), isNotYet);
  assert.throws(() => looks.map(pid, false), isNotYet);
  assert.deepEqual(asked, [pid]);
  const look = lookAt(pid);
  looks.arrived(pid, look, 1);
  assert.equal(looks.map(pid, false), look.vmas);
  assert.equal(looks.map(pid, false), look.vmas);
  looks.letGo(pid);
  assert.throws(() => looks.map(pid, false), isNotYet);
  assert.equal(asked.length, 2);
});

test("what was let go while a map was read makes it worth nothing", async (t) => {
  const { pid, looks, asked } = await world(t, true);
  looks.mayWait = true;
  assert.throws(() => looks.map(pid, false));
  looks.letGo(pid);
  looks.arrived(pid, lookAt(pid), 1);
  assert.throws(() => looks.map(pid, false));
  assert.equal(asked.length, 2);
});

test("who cannot wait is never kept by a stranger's map; one that nobody can hold up is read at once", async (t) => {
  const stranger = await world(t, true);
  assert.equal(stranger.looks.map(stranger.pid, false), undefined);
  const own = await world(t, false);
  assert.ok(own.looks.map(own.pid, false)!.some(({ accounted }) => accounted));
  assert.deepEqual(own.asked, []);
});

test("what was read while calls were under way is for those who waited for it, and for nobody later", async (t) => {
  const own = await world(t, false);
  const first = own.looks.map(own.pid, true);
  assert.notEqual(own.looks.map(own.pid, false), first, "the figures are the same, the map may be another");
  const { pid, looks, asked } = await world(t, true);
  looks.mayWait = true;
  for (let i = 0; i < 2; i++) assert.throws(() => looks.map(pid, true));
  const look = lookAt(pid);
  looks.arrived(pid, look, 1);
  for (let i = 0; i < 2; i++) assert.equal(looks.map(pid, false), look.vmas);
  assert.throws(() => looks.map(pid, false));
  assert.equal(asked.length, 2);
});
