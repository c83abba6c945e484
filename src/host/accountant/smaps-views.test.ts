/** One mapping of /proc/pid/smaps as accounting sees it, and as the file `map` shows it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SmapsEntry } from "../../core/abi/text/smaps.ts";
import { toMapLine } from "./map-lines.ts";
import { toVma } from "./to-vma.ts";

const PAGE = 4096;
const entry = (over: Partial<SmapsEntry>): SmapsEntry => ({
  ...{ start: 16 * PAGE, end: 20 * PAGE, rights: "rw-p", offset: 0, device: "00:00", inode: 0, path: "" },
  ...{ flags: "rd wr mr mw me ac ", figures: "Rss: 0 kB\nAnonymous: 0 kB\nSwap: 0 kB\n" },
  ...over,
});

test("what the kernel counts, and what it would count were it writable", () => {
  const seen = (over: Partial<SmapsEntry>): readonly boolean[] => {
    const { accounted, accountable } = toVma(entry(over));
    return [accounted, accountable];
  };
  assert.deepEqual(seen({}), [true, true]);
  assert.deepEqual(seen({ flags: "rd mr mw me " }), [false, true]);
  for (const free of ["nr", "ht", "io", "pf"]) {
    assert.deepEqual(seen({ flags: `rd mr mw me ${free} ` }), [false, false], free);
  }
  assert.deepEqual(seen({ rights: "rw-s", flags: "rd wr sh " }), [false, false]);
});

test("a stack, a heap, named memory and what a child does not get are told apart", () => {
  const { start, end, stack, heap, named, dontCopy, hidden } = toVma(entry({}));
  assert.deepEqual([start, end, stack, heap, named, dontCopy, hidden], [16, 20, false, false, false, false, false]);
  assert.equal(toVma(entry({ flags: "rd wr gd ac " })).stack, true);
  assert.equal(toVma(entry({ flags: "rd wr dc ac " })).dontCopy, true);
  assert.equal(toVma(entry({ path: "[heap]" })).heap, true);
  assert.equal(toVma(entry({ path: "[anon: glibc: malloc]" })).named, true);
});

test("shared memory has a name by what it is of; a file on a disk has none", () => {
  const name = (path: string, rights = "rw-s"): string | undefined =>
    toVma(entry({ path, rights, device: "00:01", inode: 77 })).object;
  assert.equal(name("/dev/zero (deleted)"), "zero 00:01:77");
  assert.equal(name("/SYSV0000002a (deleted)"), "sysv 77");
  assert.match(name("/memfd:x (deleted)")!, /^file /);
  assert.equal(name("/memfd:x (deleted)"), name("/dev/shm/y"));
  assert.equal(name("/home/file"), undefined);
  assert.equal(name("/dev/zero (deleted)", "rw-p"), undefined);
  assert.equal(toVma(entry({ rights: "rw-s", offset: 3 * PAGE })).objectPages, 7);
});

test("memory that nobody has touched has no object; its entry holds the charge", () => {
  const line = toMapLine(entry({}), 1000);
  assert.deepEqual([line.type, line.object, line.references, line.payer], ["none", 0, 0, 1000]);
});

test("touched memory has an object, in memory or in swap", () => {
  const figures = "Rss: 8 kB\nAnonymous: 8 kB\nSwap: 0 kB\nPrivate_Clean: 4 kB\nPrivate_Dirty: 4 kB\n";
  const line = toMapLine(entry({ figures }), undefined);
  assert.deepEqual([line.type, line.object, line.resident, line.privateResident], ["default", 16 * PAGE, 2, 2]);
  assert.equal(toMapLine(entry({ figures: "Rss: 0 kB\nAnonymous: 0 kB\nSwap: 4 kB\n" }), undefined).type, "swap");
});

test("a private file mapping is copied on write, and needs the copy until it has one", () => {
  const file = { inode: 9, path: "/usr/lib/a b", device: "fd:00" };
  const fresh = toMapLine(entry(file), 1000);
  assert.deepEqual([fresh.type, fresh.object, fresh.copyOnWrite, fresh.needsCopy], ["vnode", 9, true, true]);
  assert.equal(fresh.path, "/usr/lib/a b");
  const copied = toMapLine(entry({ ...file, figures: "Rss: 4 kB\nAnonymous: 4 kB\nSwap: 0 kB\n" }), 1000);
  assert.deepEqual([copied.needsCopy, copied.shadows], [false, 1]);
  assert.equal(toMapLine(entry({ ...file, rights: "rw-s" }), 1000).copyOnWrite, false);
  assert.equal(toMapLine(entry({ ...file, path: "/dev/fb0" }), undefined).type, "device");
});
