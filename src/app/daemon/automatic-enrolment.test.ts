import assert from "node:assert/strict";
import { test } from "node:test";
import type { Policy } from "../../core/policy/policy.ts";
import { Enrolment } from "../../host/accountant/enrolment.ts";
import { libcClose, libcSocketpair } from "../../host/linux/ffi/libc.ts";
import { ProcessConnector } from "../../host/linux/process-connector.ts";
import { AutomaticEnrolment } from "./automatic-enrolment.ts";

const POLICY: Policy = [
  { key: "swap", value: { soft: 1, hard: 1 }, heading: "", place: { file: "", line: 1, column: 1 }, first: 1, last: 9 },
];

test("the connector's descriptor is closed once, however often enrolment is", (t) => {
  t.mock.method(process as { geteuid(): number }, "geteuid", () => 0);
  const pair = Buffer.alloc(8);
  assert.equal(libcSocketpair(1, 1 | 0o4000, 0, pair), 0);
  t.after(() => libcClose(pair.readInt32LE(4)));
  const connector = new ProcessConnector(pair.readInt32LE(0));
  const closed = t.mock.method(connector, "close");
  const nobody = new Enrolment({
    pids: () => [],
    look: () => undefined,
    accounted: async () => new Set(),
    enrol: () => false,
    isWanted: () => false,
    onBug: assert.fail,
  });
  const descriptors = { kept: new Map(), drop: () => {}, hold: async () => {} };
  const automatic = new AutomaticEnrolment(nobody, descriptors, assert.fail, () => connector);
  automatic.changed(POLICY);
  automatic.close();
  automatic.close();
  assert.equal(closed.mock.callCount(), 1);
});
