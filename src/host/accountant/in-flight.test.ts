import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { InFlight } from "./in-flight.ts";

test("a slot that two have given back is given to one", () => {
  const inFlight = new InFlight();
  const slot = inFlight.take(1)!;
  slot.free();
  slot.free();
  const taken = new Set<unknown>();
  for (let next = inFlight.take(1); next; next = inFlight.take(1)) {
    assert.ok(!taken.has(next));
    taken.add(next);
  }
  assert.equal(inFlight.hasRoom, false);
});

test("a successor finds what was received and not answered", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-in-flight-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, "in-flight");
  const first = new InFlight(path);
  const [answered, open] = [first.take(3)!, first.take(4)!];
  open.notification.writeUInt32LE(77, 0);
  answered.free();
  const { found } = new InFlight(path);
  assert.deepEqual(
    found.map(({ listener, view }) => [listener, view.getUint32(0, true)]),
    [[4, 77]],
  );
});
