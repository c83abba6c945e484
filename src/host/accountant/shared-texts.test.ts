/** Who gets which text, and for how long one is given out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Errno } from "../../core/base/errno.ts";
import { latin1 } from "../../core/base/text.ts";
import type { Process } from "../../core/procfs/ports.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import { SharedTexts, type TextSource } from "./shared-texts.ts";

const PROCESS = { pid: 7, life: 1 } as Process;

/** The texts that are asked for wait until the test settles them. */
class Sources {
  readonly read: { readonly name: string; readonly text: Parked<Uint8Array> }[] = [];

  named(name: string, stamp: () => string | undefined = () => undefined): TextSource {
    return {
      stamp,
      read: () => {
        const text = new Parked<Uint8Array>();
        this.read.push({ name, text });
        return text;
      },
    };
  }
}

/** What has come of it so far. */
function told(outcome: Outcome<Uint8Array>): () => unknown {
  let end: unknown;
  if (outcome instanceof Parked)
    outcome.listen({ settled: (text) => (end = text), failed: ({ code }) => (end = code) });
  else end = outcome;
  return () => end;
}

const TEXT = latin1("text");
const NEXT = latin1("next");

test("who asks while a text is read shares the next one, which is read as for who asked last", () => {
  const texts = new SharedTexts();
  const sources = new Sources();
  const [first, second, third] = ["first", "second", "third"].map((name) =>
    told(texts.of(PROCESS, "own", sources.named(name))),
  );
  assert.deepEqual(
    sources.read.map(({ name }) => name),
    ["first"],
  );
  sources.read[0]!.text.settle(TEXT);
  assert.equal(first!(), TEXT);
  assert.deepEqual(
    sources.read.map(({ name }) => name),
    ["first", "third"],
  );
  assert.equal(second!(), undefined);
  sources.read[1]!.text.settle(NEXT);
  assert.deepEqual([second!(), third!()], [NEXT, NEXT]);
});

test("nobody shares what is read with the rights of another", () => {
  const texts = new SharedTexts();
  const sources = new Sources();
  const refused = told(texts.of(PROCESS, "11 20", sources.named("refused")));
  const allowed = told(texts.of(PROCESS, "own", sources.named("allowed")));
  assert.equal(sources.read.length, 2);
  sources.read[0]!.text.fail(new Errno("EPERM", "refused"));
  sources.read[1]!.text.settle(TEXT);
  assert.deepEqual([refused(), allowed()], ["EPERM", TEXT]);
});

test("a source that cannot be stamped or read fails for who asked, and is asked again for the next", () => {
  const texts = new SharedTexts();
  const sources = new Sources();
  const fails = (): never => {
    throw new Errno("EMFILE", "no descriptor left");
  };
  assert.equal(told(texts.of(PROCESS, "own", sources.named("one", fails)))(), "EMFILE");
  assert.equal(told(texts.of(PROCESS, "own", { stamp: () => "1", read: fails }))(), "EMFILE");
  const good = told(texts.of(PROCESS, "own", sources.named("two")));
  sources.read[0]!.text.settle(TEXT);
  assert.equal(good(), TEXT);
});

test("nobody reads for those who have left", () => {
  const texts = new SharedTexts();
  const sources = new Sources();
  const only = texts.of(PROCESS, "own", sources.named("left")) as Parked<Uint8Array>;
  only.interrupt();
  assert.equal(sources.read[0]!.text.ended, true);
});

test("a text that took long is given out again while nothing changes, for a second after it was made", (t) => {
  let now = 5000;
  t.mock.method(performance, "now", () => now);
  const texts = new SharedTexts();
  const sources = new Sources();
  let stamp = "a";
  const ask = (): (() => unknown) =>
    told(
      texts.of(
        PROCESS,
        "own",
        sources.named("map", () => stamp),
      ),
    );
  const make = (tookMs: number): void => {
    const reader = ask();
    now += tookMs;
    sources.read.at(-1)!.text.settle(TEXT);
    assert.equal(reader(), TEXT);
  };
  make(9);
  make(10);
  assert.equal(sources.read.length, 2);
  for (let used = 0; used < 3; used++, now += 333) assert.equal(ask()(), TEXT);
  assert.equal(sources.read.length, 2);
  now += 1;
  make(10);
  assert.equal(sources.read.length, 3);
  stamp = "b";
  make(10);
  assert.equal(sources.read.length, 4);
});

test("a defect in one source is told to who asked, and the next one is read", () => {
  const texts = new SharedTexts();
  const sources = new Sources();
  const broken: TextSource = {
    stamp: () => undefined,
    read: () => {
      throw new TypeError("oops");
    },
  };
  assert.equal(told(texts.of(PROCESS, "own", broken))(), "EIO");
  const next = told(texts.of(PROCESS, "own", sources.named("next")));
  sources.read[0]!.text.settle(NEXT);
  assert.equal(next(), NEXT);
});
