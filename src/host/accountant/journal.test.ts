import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Journal } from "./journal.ts";

test("a successor finds the last record of each key, whatever was being written when its predecessor ended", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-journal-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, "accounts");
  const first = new Journal(path);
  assert.deepEqual([...first.found], []);
  first.put("a", 1);
  first.put("b", { pages: 5 });
  first.put("a", 2);
  first.drop("b");
  first.put("c", [null, true]);
  const expected = [
    ["a", 2],
    ["c", [null, true]],
  ];
  assert.deepEqual([...new Journal(path).found], expected);
  appendFileSync(path, '["d",{"pag');
  assert.deepEqual([...new Journal(path).found], expected);
});

test("what is history goes when the file is full, and nothing else", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-journal-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, "accounts");
  const journal = new Journal(path);
  const { size } = statSync(path);
  for (let i = 0; i < 100_000; i++) journal.put(`key ${i % 7}`, i);
  assert.equal(statSync(path).size, size);
  const { found } = new Journal(path);
  assert.deepEqual([...found.values()].sort(), [99_993, 99_994, 99_995, 99_996, 99_997, 99_998, 99_999]);
  assert.ok(readFileSync(path, "latin1").startsWith('["key '));
});
