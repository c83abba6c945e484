import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tid } from "../base/brand.ts";
import { Turns } from "../vfs/turns.ts";
import { PerUid, QUOTAS, Quotas } from "./quotas.ts";

const QUOTA = { most: 3, what: "files", errno: "EMFILE" } as const;

test("a uid gets so many and no more; each that is given back can be taken again, once", () => {
  const files = new PerUid(QUOTA);
  const alice = { uid: 1001 };
  const taken = [1, 2, 3].map(() => files.take(alice));
  const refused = { code: "EMFILE", reason: "3 is the most: files" };
  assert.throws(() => files.take(alice), refused);
  files.take({ uid: 1002 });
  taken[0]!();
  taken[0]!();
  taken[0]!();
  const again = files.take(alice);
  assert.throws(() => files.take(alice), refused, "given back thrice, it is there once");
  for (const release of [...taken, again]) release();
  for (let i = 0; i < 3; i++) files.take(alice);
  assert.throws(() => files.take(alice), refused);
});

test("root is not counted", () => {
  const files = new PerUid(QUOTA);
  for (let i = 0; i < 10; i++) files.take({ uid: 0 })();
  for (let i = 0; i < 10; i++) files.take({ uid: 0 });
});

test("what is taken at once counts as much as it is, and all of it or none", () => {
  const bytes = new PerUid({ most: 100, what: "bytes", errno: "EMFILE" });
  const alice = { uid: 1001 };
  const sixty = bytes.take(alice, 60);
  assert.throws(() => bytes.take(alice, 41), { code: "EMFILE" });
  const forty = bytes.take(alice, 40);
  assert.throws(() => bytes.take(alice, 1), { code: "EMFILE" });
  sixty();
  bytes.take(alice, 60);
  forty();
  assert.throws(() => bytes.take(alice, 41), { code: "EMFILE" });
  bytes.take(alice, 40);
});

test("an open directory counts as a file and by its entries; what is refused takes nothing", () => {
  const quotas = new Quotas();
  const caller = { tid: 7 as Tid, uid: 1001, gid: 1001 };
  const entries = QUOTAS.openBytes.most / 128;
  const all = quotas.directory(caller, entries);
  assert.throws(() => quotas.bytes(caller, 1), { code: "EMFILE" });
  for (let i = 0; i < 2 * QUOTAS.openFiles.most; i++)
    assert.throws(() => quotas.directory(caller, 1), { code: "EMFILE" });
  const others = Array.from({ length: QUOTAS.openFiles.most - 1 }, () => quotas.file(caller));
  assert.throws(() => quotas.file(caller), { code: "EMFILE" });
  all();
  quotas.bytes(caller, QUOTAS.openBytes.most)();
  for (const release of [...others, quotas.file(caller)]) release();
  quotas.directory(caller, entries)();
});

test("who sends much at once is refused while there is room for others, and has his share again when it was served", () => {
  const quotas = new Quotas();
  const [one, other] = [1001, 1002].map((uid) => ({ tid: 7 as Tid, uid, gid: uid }));
  const turns = new Turns({ now: () => 0, soon: () => {} });
  const bytes = (1 << 20) + 80;
  const releases: (() => void)[] = [];
  const sends = (count: number, size: number): void => {
    for (let i = 0; i < count; i++) {
      releases.push(quotas.queued(one!, size));
      turns.wait(one!.uid, size, () => {});
    }
  };
  assert.throws(() => sends(40, bytes), { code: "EAGAIN" });
  assert.throws(() => sends(500, 64), { code: "EAGAIN" });
  assert.equal(releases.length, QUOTAS.queuedRequests.most);
  assert.equal(turns.full, false);
  quotas.queued(other!, bytes)();
  for (const release of releases) release();
  for (let i = 0; i < 3; i++) quotas.queued(one!, bytes);
});

test("so many requests of one uid wait, and no more", () => {
  const quotas = new Quotas();
  const caller = { tid: 7 as Tid, uid: 1001, gid: 1001 };
  const waiting = Array.from({ length: QUOTAS.waitingRequests.most }, () => quotas.waiting(caller));
  assert.throws(() => quotas.waiting(caller), { code: "EAGAIN" });
  waiting[0]!();
  quotas.waiting(caller);
});
