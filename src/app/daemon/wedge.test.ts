import assert from "node:assert/strict";
import { test } from "node:test";
import { DecisionWedge, type Glance, Wedge } from "./wedge.ts";

const BLOCKED: Glance = { ranNs: 1e9, slices: 100, state: "S", sleepsIn: "ptrace_attach", pongs: 0 };

/** After which look the thread is given up; pings are answered by none of them. */
function givenUpAfter(glances: Iterable<Glance>): number | undefined {
  const wedge = new Wedge();
  let pings = 0;
  let looks = 0;
  for (const glance of glances) {
    looks++;
    const { reason, ping } = wedge.look(glance, pings);
    if (reason !== undefined) return looks;
    if (ping) pings++;
  }
  return undefined;
}

function* looks(count: number, at: (i: number) => Partial<Glance>): Generator<Glance> {
  for (let i = 0; i < count; i++) yield { ...BLOCKED, ...at(i) };
}

test("a thread that hangs in one call is given up within four looks after the ping", () => {
  for (const state of ["S", "D"]) assert.equal(givenUpAfter(looks(20, () => ({ state }))), 4);
});

test("a thread that is kept waiting for a processor, given one now and then, or stopped, is not", () => {
  assert.equal(givenUpAfter(looks(1000, () => ({ state: "R" }))), undefined);
  assert.equal(givenUpAfter(looks(1000, (i) => ({ slices: i >> 1 }))), undefined);
  assert.equal(givenUpAfter(looks(1000, () => ({ state: "T" }))), undefined);
  assert.equal(givenUpAfter(looks(1000, () => ({ state: "D", sleepsIn: "folio_wait_bit_common" }))), undefined);
});

test("an idle event loop is not even pinged; one that computes for too long is given up", () => {
  const wedge = new Wedge();
  for (let i = 0; i < 100; i++) {
    assert.deepEqual(wedge.look({ ...BLOCKED, sleepsIn: "ep_poll" }, 0), { ping: false });
  }
  assert.equal(givenUpAfter(looks(1000, (i) => ({ state: "R", slices: i, ranNs: i * 0.25e9 }))), 122);
});

/** After which look the accountant's thread is given up, its pulse at each being `turn`. */
function decisionGivenUpAfter(
  count: number,
  turn: (i: number) => number,
  glance: Partial<Glance> = {},
): number | undefined {
  const wedge = new DecisionWedge();
  for (let i = 0; i < count; i++) if (wedge.look({ ...BLOCKED, ...glance }, turn(i)) !== undefined) return i + 1;
  return undefined;
}

test("a decision that sleeps in one call for five seconds is given up, and a thread without work or with other work is not", () => {
  assert.equal(
    decisionGivenUpAfter(100, () => 7),
    21,
  );
  assert.equal(
    decisionGivenUpAfter(100, (i) => (i < 10 ? 7 : 9)),
    31,
  );
  assert.equal(
    decisionGivenUpAfter(1000, () => 8),
    undefined,
  );
  assert.equal(
    decisionGivenUpAfter(1000, (i) => 2 * i + 1),
    undefined,
  );
  assert.equal(
    decisionGivenUpAfter(1000, (i) => 2 * (i >> 4) + 1),
    undefined,
  );
  assert.equal(
    decisionGivenUpAfter(1000, () => 7, { state: "R" }),
    undefined,
  );
});
