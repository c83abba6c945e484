import { isErrno } from "../../core/base/errno.ts";
import { fromLatin1 } from "../../core/base/text.ts";
import type { TreeFile } from "../tree-client.ts";
import type { ProcessFiles } from "./process-files.ts";
import { type Happening, parseEventLine, parseStopLine } from "./stop-line.ts";

/** Bytes asked for at a time: many lines. */
const CHUNK = 4096;

/** What happens to a process, one thing after the other. */
export class EventReader {
  readonly #files: ProcessFiles;
  readonly #events: TreeFile;
  readonly #stop = new AbortController();
  #lines: string[] = [];
  #rest = "";
  #asked: Promise<Uint8Array> | undefined;

  private constructor(files: ProcessFiles, events: TreeFile, given: AbortSignal | undefined) {
    this.#files = files;
    this.#events = events;
    if (given?.aborted) this.#stop.abort();
    given?.addEventListener("abort", () => this.#stop.abort(), { once: true });
  }

  /** When `given` is up whoever waits is told EINTR. */
  static async open(files: ProcessFiles, given?: AbortSignal): Promise<EventReader> {
    return new EventReader(files, await files.events(), given);
  }

  /** Asks already for what {@link next} will have, so that it comes as soon as it is there. */
  ask(): void {
    if (this.#lines.length > 0) return;
    this.#asked ??= this.#events.read(0, CHUNK, this.#stop.signal);
    // Whoever waits for it is told.
    this.#asked.catch(() => {});
  }

  /** The next thing that happens. Errors are the tree's: it has gone, or may not be looked at any more. */
  async next(): Promise<Happening> {
    for (;;) {
      while (this.#lines.length > 0) {
        const happening = parseEventLine(this.#lines.shift()!);
        if (happening?.kind === "missed") {
          // What was missed is over, and a stop that lasts is in `stop`.
          const now = parseStopLine((await this.#files.text("stop")).trimEnd());
          if (now && now.kind !== "running") return now;
        } else if (happening) return happening;
      }
      this.ask();
      const bytes = await this.#asked!.finally(() => {
        this.#asked = undefined;
      });
      if (bytes.length === 0) return { kind: "gone" };
      const lines = (this.#rest + fromLatin1(bytes)).split("\n");
      this.#rest = lines.pop()!;
      this.#lines = lines;
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#asked?.catch(() => {});
    try {
      await this.#events.close();
    } catch (error) {
      if (!isErrno(error)) throw error;
    }
  }
}
