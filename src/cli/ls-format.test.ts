import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDirectory, formatEntries, type LsEntry, modeString } from "./ls-format.ts";
import type { Names } from "./names.ts";

const NAMES: Names = {
  user: (uid) => (uid === 0 ? "root" : String(uid)),
  group: (gid) => (gid === 0 ? "kmem" : String(gid)),
};
const timeMs = new Date(1994, 5, 3, 9, 7).getTime();
const base = { nlink: 1, uid: 0, gid: 0, size: 0, timeMs };
const ENTRIES: readonly LsEntry[] = [
  { name: "file", stat: { ...base, kind: "link", ino: 10_346, mode: 0o777 }, target: "/bin/sh" },
  { name: "mem", stat: { ...base, kind: "file", ino: 10_347, mode: 0o600, size: 1_187_840 } },
  { name: "ctl", stat: { ...base, kind: "file", ino: 10_349, mode: 0o200, uid: 1000, gid: 1000 } },
  { name: "sub", stat: { ...base, kind: "dir", ino: 2, mode: 0o555, nlink: 2 } },
];

test("ls -li: total in 512-byte units, columns aligned, link targets", () => {
  assert.deepEqual(formatDirectory(ENTRIES, { long: true, inode: true }, NAMES), [
    "total 2320",
    "10346 lrwxrwxrwx 1 root kmem       0 Jun  3 09:07 file -> /bin/sh",
    "10347 -rw------- 1 root kmem 1187840 Jun  3 09:07 mem",
    "10349 --w------- 1 1000 1000       0 Jun  3 09:07 ctl",
    "    2 dr-xr-xr-x 2 root kmem       0 Jun  3 09:07 sub",
  ]);
});

test("ls -i: inode and name, no target, no total", () => {
  assert.deepEqual(formatDirectory(ENTRIES.slice(0, 2), { long: false, inode: true }, NAMES), [
    "10346 file",
    "10347 mem",
  ]);
});

test("a single file has no total", () => {
  assert.deepEqual(formatEntries(ENTRIES.slice(1, 2), { long: true, inode: false }, NAMES), [
    "-rw------- 1 root kmem 1187840 Jun  3 09:07 mem",
  ]);
});

test("an empty directory is its total", () => {
  assert.deepEqual(formatDirectory([], { long: true, inode: true }, NAMES), ["total 0"]);
});

test("mode strings", () => {
  assert.equal(modeString({ kind: "dir", mode: 0o555 }), "dr-xr-xr-x");
  assert.equal(modeString({ kind: "file", mode: 0o000 }), "----------");
  assert.equal(modeString({ kind: "link", mode: 0o777 }), "lrwxrwxrwx");
});
