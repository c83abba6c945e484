import assert from "node:assert/strict";
import { constants, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { BlockWriter, recordsIn } from "../../core/history/block.ts";
import { KEEPING, type Keeping } from "../../core/history/rotation.ts";
import { HistoryFiles } from "./history-files.ts";
import { LiveHistory } from "./live-history.ts";
import { blocksOfPeriod } from "./read-history.ts";

const ALWAYS = { from: 0, to: Number.POSITIVE_INFINITY };

function block(...counts: number[]): Uint8Array {
  const writer = new BlockWriter();
  for (const count of counts) writer.add({ kind: "lost", timeMs: 1_800_000_000_000, count });
  return writer.take()!;
}

async function countsIn(dir: string, period = ALWAYS): Promise<number[]> {
  const counts: number[] = [];
  for await (const contents of blocksOfPeriod(dir, period, openSync)) {
    for (const record of recordsIn(contents)) if (record.kind === "lost") counts.push(record.count);
  }
  return counts;
}

function place(t: TestContext): {
  dir: string;
  printed: string[];
  files: (keeping?: Partial<Keeping>) => HistoryFiles;
} {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-test-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const printed: string[] = [];
  const print = (line: string): void => void printed.push(line);
  const files = (keeping: Partial<Keeping> = {}): HistoryFiles =>
    new HistoryFiles({ dir, keeping: { ...KEEPING, ...keeping }, open: openSync, print });
  return { dir, printed, files };
}

test("what is appended is there in its order, also over several lives", async (t) => {
  const { dir, files } = place(t);
  for (let life = 0; life < 3; life++) {
    const writer = files();
    for (let i = 0; i < 20; i++) writer.append(block(20 * life + i));
    await writer.close();
  }
  assert.deepEqual(await countsIn(dir), [...Array(60).keys()]);
  assert.equal(readdirSync(dir).length, 1);
});

test("files of a bounded size, and the oldest go", async (t) => {
  const { dir, files } = place(t);
  const writer = files({ segmentBytes: 50, mostBytes: 300 });
  for (let i = 0; i < 100; i++) {
    writer.append(block(i));
    await writer.written();
  }
  await writer.close();
  const counts = await countsIn(dir);
  assert.ok(counts.length >= 5 && counts.length < 50, `${counts.length} are left`);
  assert.deepEqual(
    counts,
    counts.map((_, i) => 100 - counts.length + i),
  );
});

test("a clock that was ahead costs a file, not one each time, and what is written after it is found", async (t) => {
  const { dir, files } = place(t);
  const day = 24 * 60 * 60 * 1000;
  t.mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 + 40 * day });
  const writer = files();
  writer.append(block(0));
  await writer.written();
  t.mock.timers.setTime(1_800_000_000_000);
  for (let i = 1; i < 10; i++) {
    writer.append(block(i));
    await writer.written();
  }
  await writer.close();
  for (let i = 10; i < 20; i++) {
    const later = files();
    later.append(block(i));
    await later.close();
  }
  assert.equal(readdirSync(dir).length, 2);
  const found = await countsIn(dir, { from: 1_800_000_000_000 - day, to: 1_800_000_000_001 });
  assert.deepEqual(found, [...Array(20).keys()]);
});

test("a full disk is said once, costs nobody anything but what is lost, and how much that is is known", async (t) => {
  const { dir, printed } = place(t);
  let isFull = true;
  const open = (path: string, flags: number): number =>
    openSync(isFull ? "/dev/full" : path, isFull ? constants.O_WRONLY : flags);
  t.mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
  const writer = new HistoryFiles({ dir, keeping: KEEPING, open, print: (line) => printed.push(line) });
  writer.append(block(1, 2, 3));
  await writer.written();
  writer.append(block(4));
  t.mock.timers.tick(10_000);
  writer.append(block(5));
  await writer.written();
  assert.equal(printed.length, 1);
  assert.match(printed[0]!, /^lyonnais: history is not kept in .*ENOSPC/);
  isFull = false;
  t.mock.timers.tick(10_000);
  writer.append(block(6));
  await writer.close();
  // Five were lost.
  assert.deepEqual(await countsIn(dir), [6, 5]);
});

test("a block that cannot be read and cannot be written is lost, and no exception", async (t) => {
  const { dir } = place(t);
  const open = (): number => openSync("/dev/full", constants.O_WRONLY);
  const history = new LiveHistory({ dir, keeping: KEEPING, open, print: () => {} });
  const heard = history.events(() => {});
  const unreadable = Uint8Array.from([...block(1), ...new Uint8Array(10).fill(255)]);
  history.take(unreadable);
  history.take(unreadable);
  await history.close();
  assert.match(heard.log.read(0, 4096).text, /lost 1/);
  heard.close();
});

test("a directory that is none is as a full disk", async (t) => {
  const { dir, printed } = place(t);
  const file = join(dir, "file");
  mkdirSync(file);
  const print = (line: string): void => void printed.push(line);
  const refuse = (): number => {
    throw new Error("EPERM: not yours");
  };
  const writer = new HistoryFiles({ dir: file, keeping: KEEPING, open: refuse, print });
  writer.append(block(1));
  await writer.close();
  assert.match(printed.join("\n"), /not yours/);
});
