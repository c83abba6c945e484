import { close, constants, fdatasync, readFile, write } from "node:fs";
import { readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { BlockWriter, recordCount } from "../../core/history/block.ts";
import { isComplete, type Keeping, type Segment, superfluous } from "../../core/history/rotation.ts";
import { blocksOfSegment, SEGMENT_HEAD, segmentName, segmentStart } from "../../core/history/segment.ts";

const { O_APPEND, O_CREAT, O_EXCL, O_RDWR } = constants;

/** What waits to be written: bytes. What comes beyond it is lost. */
const MOST_WAITING = 4 << 20;
/** How long what is written may not be on the disk yet. */
const SYNC_MS = 5000;
/** After an error nothing is tried for so long. */
const RETRY_MS = 10_000;
const inThePool = {
  write: promisify(write),
  sync: promisify(fdatasync),
  close: promisify(close),
  read: promisify(readFile),
};

export interface HistoryPlace {
  readonly dir: string;
  readonly keeping: Keeping;
  /** Opens a file of this user's own with flags of open(2), and makes its directory: EPERM where that is somebody else's. */
  open(path: string, flags: number): number;
  print(line: string): void;
}

/** The file that is written. */
interface Writing extends Segment {
  readonly fd: number;
  /** When that began, by the clock then; {@link Segment.start} may be later than any clock has said. */
  readonly begunMs: number;
}

/** The files of all of history in a directory, the oldest first; none where there is no directory. */
export async function segmentsIn(dir: string): Promise<Segment[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const found: Segment[] = [];
  for (const name of names) {
    const start = segmentStart(name);
    const size = start === undefined ? undefined : await stat(join(dir, name)).catch(() => undefined);
    if (start !== undefined && size?.isFile()) found.push({ start, bytes: size.size });
  }
  return found.sort((a, b) => a.start - b.start);
}

/**
 * Appends blocks to the files of history. All of it happens in Node's pool of threads, one operation at a time; whoever has a block to write
 * waits for nothing. What is lost by a disk that is full or too slow is counted, and said once in the log.
 */
export class HistoryFiles {
  readonly #place: HistoryPlace;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #current: Writing | undefined;
  #hasLooked = false;
  #working: Promise<void> | undefined;
  #isClosed = false;
  /** Nothing is tried before: milliseconds since 1970. */
  #retryAt = 0;
  #hasComplained = false;
  #syncTimer: NodeJS.Timeout | undefined;

  constructor(place: HistoryPlace) {
    this.#place = place;
  }

  /** `block` is written as soon as can be. */
  append(block: Uint8Array): void {
    if (this.#isClosed || Date.now() < this.#retryAt || this.#waitingBytes + block.length > MOST_WAITING) {
      this.#lose([block]);
      return;
    }
    this.#waiting.push(block);
    this.#waitingBytes += block.length;
    this.#work(() => this.#writeAll());
  }

  /** One thing at a time; what was appended meanwhile is written after it. */
  #work(act: () => Promise<void>): void {
    this.#working ??= act().finally(() => {
      this.#working = undefined;
      if (this.#waiting.length > 0) this.#work(() => this.#writeAll());
    });
  }

  #lose(blocks: readonly Uint8Array[]): void {
    for (const block of blocks) this.#lost += recordCount(block);
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const blocks = this.#waiting.splice(0);
      this.#waitingBytes = 0;
      const told = this.#lost;
      if (told > 0) blocks.push(lostBlock(told));
      try {
        await this.#write(Buffer.concat(blocks));
        // More may have been lost meanwhile.
        this.#lost -= told;
        this.#hasComplained = false;
      } catch (error) {
        if (told > 0) blocks.pop();
        this.#lose(blocks);
        await this.#failed(error);
      }
    }
    // Not at each write, and not never either.
    if (!this.#isClosed && this.#current) this.#syncTimer ??= setTimeout(() => this.#sync(), SYNC_MS).unref();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const now = Date.now();
    if (!this.#hasLooked) {
      this.#current = await this.#goOn();
      this.#hasLooked = true;
    }
    const current = this.#current;
    if (current && isComplete({ ...current, start: current.begunMs }, now, this.#place.keeping)) await this.#end();
    const segment = this.#current ?? (await this.#begin(now));
    this.#current = segment;
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await inThePool.write(segment.fd, bytes, at, bytes.length - at, null);
      at += bytesWritten;
    }
    this.#current = { ...segment, bytes: segment.bytes + bytes.length };
  }

  /** The newest file, where it ends as it should: behind a torn block nobody would find anything. */
  async #goOn(): Promise<Writing | undefined> {
    const { dir, keeping, open } = this.#place;
    const newest = (await segmentsIn(dir)).at(-1);
    if (!newest) return undefined;
    const now = Date.now();
    // One that begins later than now was begun by a clock that was ahead, or behind such a file: another one would be no better.
    const begunMs = Math.min(newest.start, now);
    if (isComplete({ ...newest, start: begunMs }, now, keeping)) return undefined;
    const fd = open(join(dir, segmentName(newest.start)), O_RDWR | O_APPEND);
    try {
      const bytes = await inThePool.read(fd);
      const blocks = blocksOfSegment(bytes);
      let next = blocks.next();
      while (!next.done) next = blocks.next();
      if (next.value === bytes.length) return { ...newest, bytes: bytes.length, fd, begunMs };
    } catch (error) {
      await inThePool.close(fd);
      throw error;
    }
    await inThePool.close(fd);
    return undefined;
  }

  async #begin(now: number): Promise<Writing> {
    const { dir, keeping, open } = this.#place;
    const there = await segmentsIn(dir);
    // Two of one millisecond, or a clock that was set back: it comes behind what there is.
    const start = Math.max(Math.floor(now), (there.at(-1)?.start ?? 0) + 1);
    const fd = open(join(dir, segmentName(start)), O_RDWR | O_APPEND | O_CREAT | O_EXCL);
    try {
      await inThePool.write(fd, SEGMENT_HEAD);
    } catch (error) {
      await inThePool.close(fd);
      throw error;
    }
    const segment = { start, bytes: SEGMENT_HEAD.length, fd, begunMs: now };
    for (const old of superfluous([...there, segment], now, keeping)) {
      await unlink(join(dir, segmentName(old.start))).catch(() => {});
    }
    return segment;
  }

  async #end(): Promise<void> {
    const { fd } = this.#current!;
    this.#current = undefined;
    await inThePool.sync(fd).catch(() => {});
    await inThePool.close(fd);
  }

  /** A write may have been torn: what comes next begins another file. */
  async #failed(error: unknown): Promise<void> {
    this.#retryAt = Date.now() + RETRY_MS;
    this.#hasLooked = true;
    if (!this.#hasComplained) this.#place.print(`lyonnais: history is not kept in ${this.#place.dir}: ${error}`);
    this.#hasComplained = true;
    if (this.#current) await this.#end().catch(() => {});
  }

  #sync(): void {
    this.#syncTimer = undefined;
    const fd = this.#current?.fd;
    // A write that is under way asks for another.
    if (fd === undefined) return;
    this.#work(async () => {
      try {
        await inThePool.sync(fd);
      } catch (error) {
        await this.#failed(error);
      }
    });
  }

  /** Resolves when all that was appended is in the files. */
  async written(): Promise<void> {
    for (let work = this.#working; work !== undefined; work = this.#working) await work;
  }

  /** Resolves when it is on the disk. */
  async close(): Promise<void> {
    await this.written();
    this.#isClosed = true;
    clearTimeout(this.#syncTimer);
    if (this.#current) await this.#end().catch(() => {});
  }
}

function lostBlock(count: number): Uint8Array {
  const writer = new BlockWriter();
  writer.add({ kind: "lost", timeMs: Date.now(), count });
  return writer.take()!;
}
