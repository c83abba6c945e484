import type { Verdict } from "../../core/notify/accounts.ts";
import type { Job } from "../../core/space/job.ts";
import type { TrappedCall } from "../../core/trap/notification.ts";

type Admit = (call: TrappedCall, job: Job, last: boolean) => Verdict;

/** What has been done since the accountant's thread began: numbers that only grow. */
export class Counters {
  /** By the kind of operation. */
  readonly #calls = new Map<string, number>();
  /** By uid and reason. */
  readonly #refused = new Map<string, number>();
  #waits = 0;

  /** The same decisions, counted. */
  counting(admit: Admit): Admit {
    return (call, job, last) => {
      const verdict = admit(call, job, last);
      if (verdict === "wait") this.#waits++;
      else add(this.#calls, call.operation.kind);
      return verdict;
    };
  }

  refused(uid: number, reason: string): void {
    add(this.#refused, `${uid} ${reason}`);
  }

  /** The lines of the file `counters`. */
  lines(): readonly string[] {
    const began = (performance.timeOrigin / 1000).toFixed(3);
    const linesOf = (name: string, counts: ReadonlyMap<string, number>): string[] =>
      [...counts].map(([what, count]) => `${name} ${what} ${count}`);
    return [
      `began ${began}`,
      ...linesOf("calls", this.#calls),
      `waits ${this.#waits}`,
      ...linesOf("refused", this.#refused),
    ];
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
