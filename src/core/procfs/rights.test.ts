import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tid } from "../base/brand.ts";
import { Errno } from "../base/errno.ts";
import type { Caller } from "../vfs/caller.ts";
import { differ, lesserOf } from "./rights.ts";

const caller = (tid: number, uid: number, gid: number, fullRoot?: boolean): Caller => {
  return { tid: tid as Tid, uid, gid, ...(fullRoot === undefined ? {} : { fullRoot }) };
};
const WHO = {
  alice: caller(1, 1001, 100),
  "alice of another group": caller(2, 1001, 200),
  bob: caller(3, 1002, 100),
  root: caller(4, 0, 0, true),
  "root without capabilities": caller(5, 0, 0, false),
} as const;
type Name = keyof typeof WHO;

/** Who acts, as uid and gid and whether it has all rights; always by the writer's thread. */
const ROWS: readonly (readonly [opener: Name, writer: Name, acts: string])[] = [
  ["alice", "alice", "1001 100"],
  ["alice", "alice of another group", "1001 200"],
  ["alice", "bob", "EPERM"],
  ["alice", "root", "1001 100 false"],
  ["alice", "root without capabilities", "EPERM"],
  ["bob", "alice", "EPERM"],
  ["root", "alice", "1001 100"],
  ["root", "root", "0 0 true"],
  ["root", "root without capabilities", "0 0 false"],
  ["root without capabilities", "root", "0 0 false"],
  ["root without capabilities", "root without capabilities", "0 0 false"],
  ["root without capabilities", "alice", "EPERM"],
];

for (const [opener, writer, acts] of ROWS) {
  test(`what ${opener} opened and ${writer} uses is used as ${acts}`, () => {
    try {
      const { tid, uid, gid, fullRoot } = lesserOf(WHO[opener], WHO[writer]);
      assert.equal([uid, gid, ...(fullRoot === undefined ? [] : [fullRoot])].join(" "), acts);
      assert.equal(tid, WHO[writer].tid);
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      assert.equal(error.code, acts);
    }
  });
}

test("the kernel may judge two differently whose uid, gid or capabilities differ, and no others", () => {
  for (const [a, one] of Object.entries(WHO)) {
    for (const [b, other] of Object.entries(WHO)) assert.equal(differ(one, other), a !== b, `${a} and ${b}`);
    assert.equal(differ(one, { ...one, tid: 99 as Tid }), false);
  }
});
