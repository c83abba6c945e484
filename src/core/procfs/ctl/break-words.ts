import type { Tid } from "../../base/brand.ts";
import { Errno } from "../../base/errno.ts";
import { chainOutcome, type Outcome } from "../../vfs/parked.ts";
import type { Access, BreakRequest } from "../breakpoints-port.ts";
import { findPlace } from "./place.ts";
import type { CtlWord, WordContext } from "./words.ts";

const BREAK = /^(\S+)(?: thread ([1-9][0-9]{0,9}))?(?: if ([a-z][a-z0-9_]*)==(-?[0-9]{1,20}|0x[0-9a-fA-F]{1,16}))?$/;

type Filters = Pick<BreakRequest, "thread" | "condition">;

/** EINVAL for a register that there is not, ESRCH for such a thread. */
function filtersOf({ ports, process }: WordContext, tid?: string, name?: string, value?: string): Filters {
  const thread = tid === undefined ? undefined : (Number(tid) as Tid);
  if (thread !== undefined && !process.threads().includes(thread))
    throw new Errno("ESRCH", `process ${process.pid} has no thread ${tid}`);
  if (name === undefined || value === undefined) return { thread };
  if (!ports.inspection.registers.general.some((field) => field.name === name))
    throw new Errno("EINVAL", `there is no register ${name}; see regs.txt`);
  return { thread, condition: { register: name, value: BigInt.asUintN(64, BigInt(value)) } };
}

function breakAt(context: WordContext): Outcome<void> {
  const { ports, process, caller, args } = context;
  const said = BREAK.exec(args);
  if (!said) throw new Errno("EINVAL", "say: break PLACE [thread TID] [if REGISTER==VALUE]");
  const [, asked = "", tid, name, value] = said;
  const filters = filtersOf(context, tid, name, value);
  return chainOutcome(findPlace(context, asked), ({ address }) =>
    ports.breakpoints.breakAt(process, caller, { kind: "break", address, asked, ...filters }),
  );
}

const WATCH = /^(\S+) ([1-9][0-9]{0,2}) (r|w|rw)$/;

function watch(context: WordContext): Outcome<void> {
  const { ports, process, caller, args } = context;
  const [, asked = "", length = "", access = ""] = WATCH.exec(args) ?? [];
  if (asked === "") throw new Errno("EINVAL", "say: watch PLACE BYTES r|w|rw");
  return chainOutcome(findPlace(context, asked), ({ address }) =>
    ports.breakpoints.breakAt(process, caller, {
      kind: "watch",
      address,
      asked,
      watch: { length: Number(length), access: access as Access },
    }),
  );
}

/** Words about the places at which a process stops. */
export const BREAK_WORDS: readonly CtlWord[] = [
  {
    word: "break",
    doc: "stop every thread when one comes to that instruction",
    takes: "PLACE [thread TID] [if REGISTER==VALUE]",
    modern: true,
    run: breakAt,
  },
  {
    word: "watch",
    doc: "stop every thread when one touches those bytes",
    takes: "PLACE BYTES r|w|rw",
    modern: true,
    run: watch,
  },
  {
    word: "clear",
    doc: "take away a breakpoint or watchpoint by its number, or all",
    takes: "N|all",
    modern: true,
    run: ({ ports: { breakpoints }, process, caller, args }) => {
      if (args !== "all" && !/^[1-9][0-9]{0,8}$/.test(args))
        throw new Errno("EINVAL", "say: clear NUMBER, or clear all");
      return breakpoints.clear(process, caller, args === "all" ? "all" : Number(args));
    },
  },
];
