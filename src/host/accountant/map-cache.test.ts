import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { NOT_YET } from "../../core/space/ports.ts";
import { MapCache } from "./map-cache.ts";
import { readSnapshot } from "./map-snapshot.ts";

/** A process that does nothing, and looks at it; `asked` is what was asked of whoever may wait. */
async function world(t: TestContext, mayBlock: boolean) {
  const child = spawn("sh", ["-c", "echo; read x"], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout!, "data");
  const asked: number[] = [];
  const maps = new MapCache({ ask: (pid) => asked.push(pid) > 0, mayBlock: () => mayBlock });
  return { pid: child.pid!, maps, asked };
}

test("who may wait is told so until a stranger's map is there; all share one read, which lasts while nothing changes", async (t) => {
  const { pid, maps, asked } = await world(t, true);
  maps.mayWait = true;
  const isNotYet = (error: unknown): boolean => error === NOT_YET;
  assert.throws(() => maps.map(pid, false), isNotYet);
  assert.throws(() => maps.map(pid, false), isNotYet);
  assert.deepEqual(asked, [pid]);
  const snapshot = readSnapshot(pid);
  maps.arrived(pid, snapshot, 1);
  assert.equal(maps.map(pid, false), snapshot.vmas);
  assert.equal(maps.map(pid, false), snapshot.vmas);
  maps.continued(pid);
  assert.throws(() => maps.map(pid, false), isNotYet);
  assert.equal(asked.length, 2);
});

test("what was let go while a map was read makes it worth nothing", async (t) => {
  const { pid, maps, asked } = await world(t, true);
  maps.mayWait = true;
  assert.throws(() => maps.map(pid, false));
  maps.continued(pid);
  maps.arrived(pid, readSnapshot(pid), 1);
  assert.throws(() => maps.map(pid, false));
  assert.equal(asked.length, 2);
});

test("who cannot wait is never kept by a stranger's map; one that nobody can hold up is read at once", async (t) => {
  const stranger = await world(t, true);
  assert.equal(stranger.maps.map(stranger.pid, false), undefined);
  const own = await world(t, false);
  assert.ok(own.maps.map(own.pid, false)!.some(({ accounted }) => accounted));
  assert.deepEqual(own.asked, []);
});

test("what was read while calls were under way is for those who waited for it, and for nobody later", async (t) => {
  const own = await world(t, false);
  const first = own.maps.map(own.pid, true);
  assert.notEqual(own.maps.map(own.pid, false), first, "the figures are the same, the map may be another");
  const { pid, maps, asked } = await world(t, true);
  maps.mayWait = true;
  for (let i = 0; i < 2; i++) assert.throws(() => maps.map(pid, true));
  const snapshot = readSnapshot(pid);
  maps.arrived(pid, snapshot, 1);
  for (let i = 0; i < 2; i++) assert.equal(maps.map(pid, false), snapshot.vmas);
  assert.throws(() => maps.map(pid, false));
  assert.equal(asked.length, 2);
});
