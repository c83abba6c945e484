import type { Pid } from "../../core/base/brand.ts";
import { isErrno } from "../../core/base/errno.ts";
import { EventLog } from "../../core/trace/event-log.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { watchProcess } from "../linux/watch-process.ts";
import { endOf } from "./stop-text.ts";

interface Kept {
  readonly life: number;
  readonly log: EventLog;
  /** Tells of the end of a process that nobody traces. */
  watch: { close(): void } | undefined;
  readers: number;
  isControlled: boolean;
}

const now = (): number => (performance.timeOrigin + performance.now()) / 1000;

/** What happens to processes, for as long as somebody controls them or listens. */
export class EventLogs {
  readonly #kept = new Map<Pid, Kept>();

  /** The log of a process that is under control, if there is one. */
  find({ pid, life }: LiveProcess): EventLog | undefined {
    const kept = this.#kept.get(pid);
    return kept?.life === life ? kept.log : undefined;
  }

  /** From now on its events are counted. */
  begin(process: LiveProcess): void {
    this.#keep(process).isControlled = true;
  }

  /** Nobody controls it any more. */
  release(process: LiveProcess): void {
    const kept = this.#kept.get(process.pid);
    if (kept?.life !== process.life) return;
    kept.isControlled = false;
    this.#dropUnused(process.pid, kept);
  }

  /** It has exited. */
  end(process: LiveProcess, line: string): void {
    const kept = this.#kept.get(process.pid);
    if (kept?.life !== process.life) return;
    kept.log.add(() => line);
    kept.log.end();
    this.#drop(process.pid, kept);
  }

  /** `close` of the result is called when the reader closes it. EMFILE. */
  open(process: LiveProcess, news: () => void): { readonly log: EventLog; close(): void } {
    const kept = this.#keep(process);
    try {
      kept.watch ??= this.#watchEnd(process);
    } catch (error) {
      this.#dropUnused(process.pid, kept);
      throw error;
    }
    kept.readers++;
    const silence = kept.log.listen(news);
    return {
      log: kept.log,
      close: () => {
        silence();
        if (--kept.readers > 0) return;
        kept.watch?.close();
        kept.watch = undefined;
        this.#dropUnused(process.pid, kept);
      },
    };
  }

  close(): void {
    for (const [pid, kept] of this.#kept) this.#drop(pid, kept);
  }

  #keep({ pid, life }: LiveProcess): Kept {
    let kept = this.#kept.get(pid);
    if (kept?.life !== life) {
      kept = { life, log: new EventLog(now), watch: undefined, readers: 0, isControlled: false };
      this.#kept.set(pid, kept);
    }
    return kept;
  }

  #dropUnused(pid: Pid, kept: Kept): void {
    if (kept.readers === 0 && !kept.isControlled) this.#drop(pid, kept);
  }

  #drop(pid: Pid, kept: Kept): void {
    kept.watch?.close();
    if (this.#kept.get(pid) === kept) this.#kept.delete(pid);
  }

  #watchEnd(process: LiveProcess): { close(): void } | undefined {
    const ended = (): void => this.end(process, endOf(process));
    try {
      const watch = watchProcess(process.pid, ended);
      // Else another process has its number by now.
      if (process.alive()) return watch;
      watch.close();
    } catch (error) {
      if (!isErrno(error, "ESRCH")) throw error;
    }
    ended();
    return undefined;
  }
}
