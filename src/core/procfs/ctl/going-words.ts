import { Errno } from "../../base/errno.ts";
import { chainOutcome, type Outcome } from "../../vfs/parked.ts";
import { findPlace } from "./place.ts";
import type { CtlWord, WordContext } from "./words.ts";

function until(context: WordContext): Outcome<void> {
  const { ports, process, caller, args } = context;
  if (!/^\S+$/.test(args)) throw new Errno("EINVAL", "say: until PLACE");
  return chainOutcome(findPlace(context, args), ({ address }) =>
    ports.breakpoints.goTo(process, caller, { kind: "until", address, asked: args }),
  );
}

/** Where the caller of the current frame goes on, with a stack no deeper than its own. */
function finish({ ports: { breakpoints, inspection }, process, caller }: WordContext): Outcome<void> {
  return chainOutcome(inspection.stack(process, caller), ([, outer]) => {
    if (outer?.sp === undefined) throw new Errno("EINVAL", "it is not known where this frame returns to; see stack");
    const condition = { register: breakpoints.stackPointer, value: BigInt(outer.sp), orMore: true } as const;
    return breakpoints.goTo(process, caller, { kind: "finish", address: outer.pc, asked: "", condition });
  });
}

const names = (args: string, word: string): readonly string[] => {
  if (args === "") throw new Errno("EINVAL", `say: ${word} SIGNAL...; the names are those of sig`);
  return args.split(" ");
};

/** Words that send the current thread somewhere, and what stops it on its way. */
export const GOING_WORDS: readonly CtlWord[] = [
  {
    word: "next",
    doc: "execute one instruction of the current thread, and what it calls",
    ofThread: true,
    modern: true,
    run: ({ ports: { breakpoints }, process, caller }) => breakpoints.next(process, caller),
  },
  {
    word: "finish",
    doc: "run until the current frame has returned",
    ofThread: true,
    modern: true,
    run: finish,
  },
  {
    word: "until",
    doc: "run until the current thread comes to that instruction",
    takes: "PLACE",
    ofThread: true,
    modern: true,
    run: until,
  },
  {
    word: "trace",
    doc: "stop where a thread enters and leaves these system calls",
    takes: "call NAME...|all|none",
    modern: true,
    run: ({ ports: { breakpoints }, process, caller, args }) => {
      const [what, ...calls] = args.split(" ");
      if (what !== "call" || calls.length === 0) throw new Errno("EINVAL", "say: trace call NAME..., all or none");
      return breakpoints.traceCalls(process, caller, calls);
    },
  },
  {
    word: "ignore",
    doc: "deliver these signals without a stop",
    takes: "SIGNAL...|all",
    modern: true,
    run: ({ ports: { breakpoints }, process, caller, args }) =>
      breakpoints.ignore(process, caller, names(args, "ignore"), false),
  },
  {
    word: "catch",
    doc: "stop at these signals again",
    takes: "SIGNAL...|all",
    modern: true,
    run: ({ ports: { breakpoints }, process, caller, args }) =>
      breakpoints.ignore(process, caller, names(args, "catch"), true),
  },
];
