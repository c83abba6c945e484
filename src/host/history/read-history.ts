import { close, constants, readFile } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { readableRecordsIn } from "../../core/history/block.ts";
import { blocksOfSegment, segmentName } from "../../core/history/segment.ts";
import { type Period, Summarizer, type Summary } from "../../core/history/summary.ts";
import { segmentsIn } from "./history-files.ts";

const { O_RDONLY } = constants;
const inThePool = { read: promisify(readFile), close: promisify(close) };

/** How to open a file for reading: its descriptor. */
export type OpenFile = (path: string, flags: number) => number;

/**
 * The files that may have something of a period: a directory's, or the one that `path` is. What a file has that begins later than now
 * cannot be told from its name: the clock was ahead.
 */
async function filesOf(path: string, { from, to }: Pick<Period, "from" | "to">): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const segments = await segmentsIn(path);
  const now = Date.now();
  return segments
    .filter(
      ({ start }, i) => start > now || (start < to && (segments[i + 1]?.start ?? Number.POSITIVE_INFINITY) > from),
    )
    .map(({ start }) => join(path, segmentName(start)));
}

/** The contents of each block of a period, the oldest file first, and of some more around it. */
export async function* blocksOfPeriod(
  path: string,
  period: Pick<Period, "from" | "to">,
  open: OpenFile,
): AsyncGenerator<Uint8Array, void> {
  for (const file of await filesOf(path, period)) {
    const fd = open(file, O_RDONLY);
    let bytes: Uint8Array;
    try {
      bytes = await inThePool.read(fd);
    } finally {
      await inThePool.close(fd);
    }
    yield* blocksOfSegment(bytes);
  }
}

/**
 * What the files say of a period. `between` is called between one block and the next, a millisecond of work: for who serves others
 * meanwhile.
 */
export async function summarize(
  path: string,
  period: Period,
  open: OpenFile,
  between: () => Promise<void> | undefined = () => undefined,
): Promise<Summary> {
  const summarizer = new Summarizer(period);
  for await (const contents of blocksOfPeriod(path, period, open)) {
    // A block that is whole, and yet no block of ours, says as much as can be read of it.
    for (const record of readableRecordsIn(contents)) summarizer.add(record);
    await between();
  }
  return summarizer.summary();
}
