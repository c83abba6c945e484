import assert from "node:assert/strict";
import { test } from "node:test";
import { Alarms } from "./alarms.ts";
import { type AnswerGate, GATE_DEADLINE_MS } from "./answer-gate.ts";
import { HeldAnswers } from "./held-answers.ts";
import type { OpenCall } from "./open-call.ts";

/** Calls of threads by number, and what is given to them; `gate` opens when told to. */
function world(covers: AnswerGate["covers"] = () => false) {
  const alarms = new Alarms();
  const given: number[] = [];
  const failures: string[] = [];
  const opens: (() => void)[] = [];
  const gate: AnswerGate = {
    concerns: () => true,
    ended: () => {},
    close: () => {},
    covers: (call, answer, process, open) => {
      opens.push(open);
      return covers(call, answer, process, open);
    },
  };
  const held = new HeldAnswers(
    () => gate,
    { watch: () => () => {} },
    alarms,
    ({ call }) => given.push(call.tid),
    (_error, what) => failures.push(what),
  );
  const call = (tid: number): OpenCall => ({ call: { tid } }) as OpenCall;
  const pass = (open: OpenCall): void => held.pass(open, "continue", () => undefined);
  return { alarms, given, failures, opens, held, call, pass };
}

test("an answer is held until its gate opens, once, from a later turn", () => {
  const { alarms, given, opens, held, call, pass } = world();
  pass(call(1));
  pass(call(2));
  opens[1]!();
  assert.deepEqual(given, []);
  alarms.run(performance.now());
  assert.deepEqual(given, [2]);
  opens[1]!();
  alarms.run(performance.now());
  assert.deepEqual(given, [2]);
  assert.equal(held.calls.length, 1);
});

test("a gate that does not open has its time; then the loop is woken for it", () => {
  const { alarms, given, call, pass } = world();
  const before = performance.now();
  pass(call(1));
  const wait = alarms.until(before);
  assert.ok(wait >= GATE_DEADLINE_MS && wait < Number.POSITIVE_INFINITY, `${wait} ms`);
  alarms.run(before + GATE_DEADLINE_MS / 2);
  assert.deepEqual(given, []);
});

test("one that lets through, or fails, holds nobody", () => {
  const through = world(() => true);
  through.pass(through.call(1));
  assert.deepEqual(through.given, [1]);
  const failing = world(() => {
    throw new Error("a defect");
  });
  failing.pass(failing.call(1));
  assert.deepEqual([failing.given, failing.failures], [[1], ["the gate"]]);
  const atOnce = world((_call, _answer, _process, open) => {
    open();
    return false;
  });
  atOnce.pass(atOnce.call(1));
  atOnce.alarms.run(performance.now());
  assert.deepEqual(atOnce.given, [1]);
});

test("room is made by giving one that is held; whoever has died is not given anything", () => {
  const { given, held, call, pass } = world();
  const [first, second] = [call(1), call(2)];
  pass(first);
  pass(second);
  assert.equal(held.giveNow(first), true);
  assert.equal(held.giveNow(first), false);
  held.drop((open) => open === second);
  assert.deepEqual([given, held.calls], [[1], []]);
});
