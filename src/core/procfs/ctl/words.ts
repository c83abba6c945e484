import type { Caller } from "../../vfs/caller.ts";
import type { Outcome } from "../../vfs/parked.ts";
import type { ProcfsOptions } from "../options.ts";
import type { Ports, Process } from "../ports.ts";

/** A control word: one row here is all it takes. */
export interface CtlWord {
  readonly word: string;
  /** One line for the manual. */
  readonly doc: string;
  /** Not among the words of 1993: that profile does not know it. */
  readonly modern?: true;
  /** Given twice it does what it does once: what a server was doing when it died can be done by the next. */
  readonly repeats?: true;
  run(ports: Ports, process: Process, caller: Caller, options: ProcfsOptions): Outcome<void>;
}

export const CTL_WORDS: readonly CtlWord[] = [
  {
    word: "attach",
    doc: "take control: every thread stops; returns at once",
    repeats: true,
    run: ({ tracer }, process, caller, { control }) => tracer.attach(process, caller, control),
  },
  {
    word: "wait",
    doc: "block until the process is stopped",
    repeats: true,
    run: ({ tracer }, process, caller) => tracer.wait(process, caller),
  },
  {
    word: "step",
    doc: "execute one instruction of the current thread",
    run: ({ tracer }, process, caller) => tracer.step(process, caller),
  },
  {
    word: "run",
    doc: "continue without delivering a signal",
    run: ({ tracer }, process, caller) => tracer.run(process, caller),
  },
  {
    word: "detach",
    doc: "give up control: the process runs on as if nothing had been",
    repeats: true,
    run: ({ tracer }, process, caller) => tracer.detach(process, caller),
  },
  {
    word: "account",
    doc: "count its memory and hold it to its limit: the process, its threads and later children",
    modern: true,
    run: ({ accounts }, process, caller) => accounts.adopt(process, caller),
  },
  {
    word: "release",
    doc: "let another tracer have it: a signal can then make its limited calls fail with EINTR",
    modern: true,
    run: ({ tracer }, process) => tracer.release(process),
  },
];

/** The word's row; undefined for a word that is none under this profile. */
export function findWord(word: string, { profile }: ProcfsOptions): CtlWord | undefined {
  return CTL_WORDS.find((row) => row.word === word && !(row.modern && profile === "1993"));
}
