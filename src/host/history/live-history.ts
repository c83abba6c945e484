import { Errno } from "../../core/base/errno.ts";
import { utf8 } from "../../core/base/text.ts";
import { readableRecordsIn } from "../../core/history/block.ts";
import { eventLine } from "../../core/history/lines.ts";
import { reportLines } from "../../core/history/report.ts";
import { Summarizer } from "../../core/history/summary.ts";
import type { History } from "../../core/procfs/history-port.ts";
import type { Events } from "../../core/procfs/ports.ts";
import { EventLog } from "../../core/trace/event-log.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import { HistoryFiles, type HistoryPlace } from "./history-files.ts";
import { localTime } from "./local-time.ts";
import { summarize } from "./read-history.ts";

/** The head of a block. */
const HEAD = 8;
/** How wide the charts of the file `history` are. */
const COLUMNS = 60;

const notKept = (): Errno =>
  new Errno("EOPNOTSUPP", "only the daemon keeps a history: start it by lyonnais daemon, and mount without -f");

/** Of a tree whose accounts do not outlive it. */
export const NO_HISTORY: History = {
  today: () => {
    throw notKept();
  },
  events: () => {
    throw notKept();
  },
};

/** The history that a daemon keeps in its files, and tells to those who read `events`. */
export class LiveHistory implements History {
  readonly #place: HistoryPlace;
  readonly #files: HistoryFiles;
  /** Of the record that is told of. */
  #timeMs = 0;
  readonly #log = new EventLog(() => this.#timeMs / 1000);
  /** One reads the files for all who ask meanwhile. */
  #reading: Promise<Uint8Array> | undefined;

  constructor(place: HistoryPlace) {
    this.#place = place;
    this.#files = new HistoryFiles(place);
  }

  /** Takes what the accounts tell. */
  take(block: Uint8Array): void {
    this.#files.append(block);
    if (!this.#log.isHeard) return;
    for (const record of readableRecordsIn(block.subarray(HEAD))) {
      const line = eventLine(record);
      if (line === undefined) continue;
      this.#timeMs = record.timeMs;
      this.#log.add(() => line);
    }
  }

  today(): Outcome<Uint8Array> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    const text = new Parked<Uint8Array>();
    this.#reading.then(
      (content) => text.settle(content),
      (error) => text.fail(error instanceof Errno ? error : new Errno("EIO", `${error}`, error)),
    );
    return text;
  }

  async #read(): Promise<Uint8Array> {
    await this.#files.written();
    const now = Date.now();
    const period = { from: new Date(now).setHours(0, 0, 0, 0), to: now + 1, columns: COLUMNS };
    const { dir, open } = this.#place;
    const between = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const summary = await summarize(dir, period, open, between).catch((error: NodeJS.ErrnoException) => {
      // Nothing has been written down yet.
      if (error.code === "ENOENT") return new Summarizer(period).summary();
      throw error;
    });
    return utf8(
      reportLines(summary, localTime)
        .map((line) => `${line}\n`)
        .join(""),
    );
  }

  events(news: () => void): Events {
    const silence = this.#log.listen(news);
    return { log: this.#log, close: silence };
  }

  /** Resolves when all that was told is on the disk. */
  close(): Promise<void> {
    return this.#files.close();
  }
}
