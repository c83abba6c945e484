import assert from "node:assert/strict";
import { test } from "node:test";
import { Turns } from "./turns.ts";

/** A thread whose clock moves only while something is served; what has come is told by letters: who, and each takes as long as said. */
class Thread {
  readonly turns: Turns;
  /** Who was served, in order. */
  order = "";
  #now = 0;
  readonly #soon: (() => void)[] = [];

  constructor() {
    this.turns = new Turns({ now: () => this.#now, soon: (act) => this.#soon.push(act) });
  }

  /** A request of `uid` that takes so many milliseconds. */
  comes(uid: number, ms: number, name = String(uid)): () => void {
    const serve = (): void => {
      this.#now += ms;
      this.order += name;
    };
    if (this.turns.admits(uid)) {
      this.turns.spend(uid, serve);
      return () => {};
    }
    const turn = this.turns.wait(uid, 100, () => this.turns.spend(uid, serve));
    return () => turn.cancel();
  }

  /** The event loop has looked at everything; false when nobody wants to know. */
  turn(): boolean {
    const act = this.#soon.shift();
    act?.();
    return act !== undefined;
  }

  rest(): void {
    while (this.turn());
  }
}

test("one alone is never made to wait for anybody", () => {
  const thread = new Thread();
  for (let i = 0; i < 100; i++) {
    thread.comes(1, 5);
    thread.turns.rest();
  }
  assert.equal(thread.order.length, 100);
  assert.equal(thread.turn(), false);
});

test("whoever sends many long requests at once is served one of them before those who come after", () => {
  const thread = new Thread();
  for (let i = 0; i < 16; i++) thread.comes(1, 5);
  thread.comes(2, 0.1);
  assert.equal(thread.order, "12");
  thread.turn();
  thread.comes(2, 0.1);
  thread.turn();
  thread.comes(2, 0.1);
  assert.equal(thread.order, "121212");
  thread.rest();
  assert.equal(thread.order, `121212${"1".repeat(13)}`);
});

test("short requests of one uid are as much as a long one", () => {
  const thread = new Thread();
  for (let i = 0; i < 200; i++) thread.comes(1, 0.03);
  thread.comes(2, 0.1);
  assert.ok(thread.order.indexOf("2") < 25, thread.order);
});

test("two that both want all of it get half each, by time and not by requests, root as others", () => {
  const thread = new Thread();
  for (let i = 0; i < 40; i++) thread.comes(1000, 4, "l");
  for (let i = 0; i < 40; i++) thread.comes(0, 1, "s");
  while (thread.order.includes("s".repeat(40)) === false && thread.turn());
  const until = thread.order.lastIndexOf("s");
  const long = [...thread.order.slice(0, until)].filter((who) => who === "l").length;
  assert.ok(long >= 9 && long <= 11, thread.order);
});

test("who asks for little is not made to wait for having asked before", () => {
  const thread = new Thread();
  for (let i = 0; i < 1000; i++) thread.comes(2, 0.3);
  thread.rest();
  thread.order = "";
  for (let i = 0; i < 4; i++) thread.comes(1, 5);
  thread.comes(2, 0.1);
  assert.equal(thread.order, "12");
});

test("who has been idle has saved up nothing", () => {
  const thread = new Thread();
  for (let i = 0; i < 100; i++) thread.comes(1, 5);
  for (let i = 0; i < 50; i++) thread.turn();
  thread.order = "";
  for (let i = 0; i < 20; i++) thread.comes(2, 5);
  for (let i = 0; i < 10; i++) thread.turn();
  assert.match(thread.order, /^2(12|21){4,5}1?2?$/);
});

test("the requests of one uid are served in order; one that was cancelled is not served", () => {
  const thread = new Thread();
  thread.comes(1, 5, "a");
  thread.comes(1, 0, "b");
  thread.comes(1, 0, "c")();
  thread.comes(1, 0, "d");
  thread.rest();
  assert.equal(thread.order, "abd");
  thread.comes(1, 0, "e");
  assert.equal(thread.order, "abde");
});

test("time within time is spent once, by whoever began", () => {
  const thread = new Thread();
  thread.turns.spend(1, () => thread.turns.spend(2, () => thread.comes(1, 5)));
  assert.deepEqual([thread.turns.admits(1), thread.turns.admits(2)], [false, true]);
});

test("one that fails has had its turn, and the next one follows", () => {
  const thread = new Thread();
  thread.comes(1, 5);
  thread.turns.wait(1, 0, () => {
    throw new Error("a bug");
  });
  thread.comes(1, 0, "n");
  assert.throws(() => thread.turn(), /a bug/);
  thread.rest();
  assert.equal(thread.order, "1n");
});

test("no more are received when those that wait hold much", () => {
  const { turns } = new Thread();
  const waiting = Array.from({ length: 40 }, () => turns.wait(1, 1 << 20, () => {}));
  assert.equal(turns.full, true);
  assert.equal(waiting.length, 40);
});
