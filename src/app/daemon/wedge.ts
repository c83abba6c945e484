/** What is seen of a thread from outside, proc(5): /proc/PID/task/TID/schedstat, stat and wchan. */
export interface Glance {
  /** Nanoseconds on a processor, and how often it was given one. */
  readonly ranNs: number;
  readonly slices: number;
  /** R, S, D and so on. */
  readonly state: string;
  /** The kernel function it sleeps in; "0" or empty where the kernel does not say. */
  readonly sleepsIn: string;
  /** How many pings it has answered. */
  readonly pongs: number;
}

/** How often is looked. */
export const LOOK_MS = 250;
/** Blocked in one and the same sleep at so many looks in a row: some 0.75 to 1 s. */
const LOOKS = 4;
/** So long it may compute without a turn of its event loop. */
const COMPUTES_NS = 30e9;

/** Where an idle event loop sleeps. */
const IDLE = /^(ep_poll|do_epoll_wait|schedule_hrtimeout)/;
/** Its own memory is on its way in, on a machine that has too little: to start another process would make that worse. */
const MEMORY = /folio|page|swap|io_schedule|mem_cgroup|shrink|reclaim|writeback/;

/**
 * Judges, from looks at a thread, whether it will ever turn again. That it does not run says nothing on a loaded machine; so
 * it counts only while it sleeps in a call that is not its event loop's own wait, is not given a processor, and answers no ping. Looks are
 * counted and not the time, which goes on for a process that is stopped, or whose machine is.
 */
export class Wedge {
  readonly #thread: string;
  readonly #looks: number;
  #last: Glance | undefined;
  #still = 0;
  #computingSince = 0;

  /** `thread`: as the log calls it. `looks`: for so many in a row it may sleep in one call. */
  constructor(thread = "the main thread", looks: number = LOOKS) {
    this.#thread = thread;
    this.#looks = looks;
  }

  /** `pings` have been sent so far. The reason to end the process; `ping`: whether it is to be sent another. */
  look(now: Glance, pings: number): { readonly reason?: string; readonly ping: boolean } {
    const last = this.#last;
    this.#last = now;
    const isAsleep = now.state === "S" || now.state === "D";
    if (now.pongs === pings) {
      this.#still = 0;
      this.#computingSince = now.ranNs;
      // An idle loop is not woken up for nothing.
      return { ping: !(isAsleep && IDLE.test(now.sleepsIn)) };
    }
    const isStill = isAsleep && last?.slices === now.slices && !MEMORY.test(now.sleepsIn);
    this.#still = isStill ? this.#still + 1 : 0;
    if (this.#still >= this.#looks - 1) {
      return { reason: `${this.#thread} hangs in a call of the kernel (${now.sleepsIn || "unknown"})`, ping: false };
    }
    if (now.ranNs - this.#computingSince > COMPUTES_NS) {
      return { reason: `${this.#thread} has computed for ${COMPUTES_NS / 1e9} s`, ping: false };
    }
    return { ping: false };
  }
}

/** For so many looks, 5 s, the accountant's thread may sleep in one call. */
const DECISION_LOOKS = 21;

/** As {@link Wedge} for the accountant's thread, which is asked nothing: it shows by itself whether it has work (`host/linux/pulse.ts`). */
export class DecisionWedge {
  readonly #wedge = new Wedge("the accountant's thread", DECISION_LOOKS);
  #turn = 0;

  /** The reason to end the process. `turn`: of the pulse, read before the look. */
  look(now: Omit<Glance, "pongs">, turn: number): string | undefined {
    const hasTurned = turn % 2 === 0 || turn !== this.#turn;
    this.#turn = turn;
    return this.#wedge.look({ ...now, pongs: hasTurned ? 1 : 0 }, 1).reason;
  }
}
