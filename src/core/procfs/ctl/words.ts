import type { Tid } from "../../base/brand.ts";
import { Errno } from "../../base/errno.ts";
import type { Caller } from "../../vfs/caller.ts";
import { type Outcome, within } from "../../vfs/parked.ts";
import type { ProcfsOptions } from "../options.ts";
import type { Ports, Process } from "../ports.ts";
import { BREAK_WORDS } from "./break-words.ts";
import { GOING_WORDS } from "./going-words.ts";

/** What a word is done with. */
export interface WordContext {
  readonly ports: Ports;
  readonly process: Process;
  /** With the rights of who writes and of who opened it, not more. */
  readonly caller: Caller;
  readonly options: ProcfsOptions;
  /** What stands behind the word, without white space around it. */
  readonly args: string;
}

/** A control word: one row here is all it takes. */
export interface CtlWord {
  readonly word: string;
  /** One line for the manual. */
  readonly doc: string;
  /** What may stand behind it, as the manual shows that; absent: nothing. */
  readonly takes?: string;
  /** It is about one thread: said to that one's ctl it makes it the current one. */
  readonly ofThread?: true;
  /** Not among the words of 1993: that profile does not know it. */
  readonly modern?: true;
  /** Given twice it does what it does once: what a server was doing when it died can be done by the next. */
  readonly repeats?: true;
  run(context: WordContext): Outcome<void>;
}

/** As long as a timer can run, milliseconds: 24 days. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** Milliseconds; undefined where nothing is said. EINVAL. */
function patience(args: string): number | undefined {
  if (args === "") return undefined;
  if (!/^[0-9]{1,7}(\.[0-9]{1,6})?$/.test(args)) throw new Errno("EINVAL", "say: wait, or wait SECONDS");
  return Math.min(Number(args) * 1000, LONGEST_WAIT_MS);
}

export const CTL_WORDS: readonly CtlWord[] = [
  {
    word: "attach",
    doc: "take control: every thread stops; returns at once",
    repeats: true,
    run: ({ ports: { tracer }, process, caller, options }) => tracer.attach(process, caller, options.control),
  },
  {
    word: "wait",
    doc: "block until the process is stopped",
    takes: "[SECONDS]",
    repeats: true,
    run: ({ ports: { tracer, clock }, process, caller, args }) => {
      const limit = patience(args);
      const stopped = tracer.wait(process, caller);
      return limit === undefined
        ? stopped
        : within(stopped, clock, limit, () => new Errno("ETIMEDOUT", `process ${process.pid} runs after ${args} s`));
    },
  },
  {
    word: "step",
    doc: "execute one instruction of the current thread",
    ofThread: true,
    run: ({ ports: { tracer }, process, caller }) => tracer.step(process, caller),
  },
  {
    word: "run",
    doc: "continue without delivering a signal",
    run: ({ ports: { tracer }, process, caller }) => tracer.run(process, caller),
  },
  {
    word: "detach",
    doc: "give up control: the process runs on as if nothing had been",
    repeats: true,
    run: ({ ports: { tracer }, process, caller }) => tracer.detach(process, caller),
  },
  {
    word: "halt",
    doc: "stop every thread, without a signal; returns at once",
    modern: true,
    repeats: true,
    run: ({ ports: { tracer }, process, caller }) => tracer.halt(process, caller),
  },
  {
    word: "thread",
    doc: "make another thread the current one, whose registers and steps are meant",
    takes: "TID",
    modern: true,
    run: ({ ports: { tracer }, process, caller, args }) => {
      if (!/^[1-9][0-9]{0,9}$/.test(args)) throw new Errno("EINVAL", "say: thread TID");
      return tracer.choose(process, caller, Number(args) as Tid);
    },
  },
  ...GOING_WORDS,
  ...BREAK_WORDS,
  {
    word: "account",
    doc: "count its memory and hold it to its limit: the process, its threads and later children",
    modern: true,
    run: ({ ports: { accounts }, process, caller }) => accounts.adopt(process, caller),
  },
  {
    word: "release",
    doc: "let another tracer have it: a signal can then make its limited calls fail with EINTR",
    modern: true,
    run: ({ ports: { tracer }, process }) => tracer.release(process),
  },
];

/** The word's row; undefined for a word that is none under this profile. */
export function findWord(word: string, { profile }: ProcfsOptions): CtlWord | undefined {
  return CTL_WORDS.find((row) => row.word === word && !(row.modern && profile === "1993"));
}
