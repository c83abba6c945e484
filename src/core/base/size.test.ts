import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrno } from "./errno.ts";
import { formatSize, PAGE_SIZE, pagesIn, parseSize, setPageSize } from "./size.ts";

test("sizes are bytes, or multiples of powers of 1024, in whole pages", () => {
  const rows: readonly (readonly [string, number])[] = [
    ["0", 0],
    ["1", 4096],
    ["4096", 4096],
    ["4097", 8192],
    ["1k", 4096],
    ["8K", 8192],
    ["512m", 512 * 1024 ** 2],
    ["2G", 2 * 1024 ** 3],
    ["1.5g", 1.5 * 1024 ** 3],
    ["0.1k", 4096],
    ["3t", 3 * 1024 ** 4],
    ["8191t", 8191 * 1024 ** 4],
  ];
  for (const [text, bytes] of rows) assert.equal(parseSize(text), bytes, text);
});

test("what is no size is told, and infinity is one only where it is asked for", () => {
  for (const text of ["", "m", "12x", "-1", "+1", "1.5", "1e3", "0x10", " 1", "1m ", "1.m", ".5m", "1mb", "8192t"]) {
    assert.throws(
      () => parseSize(text),
      (error) => isErrno(error, "EINVAL"),
      text,
    );
  }
  assert.throws(() => parseSize("infinity"), /EINVAL: "infinity" is no size/);
  assert.equal(parseSize("infinity", "infinity"), Number.POSITIVE_INFINITY);
  assert.equal(parseSize("Infinity", "infinity"), Number.POSITIVE_INFINITY);
  assert.equal(parseSize("4k", "infinity"), 4096);
});

test("a size is written as one would type it", () => {
  for (const text of ["0", "4k", "12k", "1m", "1028k", "512m", "2g", "3t", "2048t", "infinity"]) {
    assert.equal(formatSize(parseSize(text, "infinity")), text);
  }
  assert.equal(formatSize(1.5 * 1024 ** 3), "1536m");
  assert.equal(pagesIn(0), 0);
  assert.equal(pagesIn(4097), 2);
});

test("pages are as large as the machine says", () => {
  const before = PAGE_SIZE;
  try {
    setPageSize(65536);
    assert.deepEqual([pagesIn(65537), parseSize("1"), parseSize("65537")], [2, 65536, 131072]);
  } finally {
    setPageSize(before);
  }
});
