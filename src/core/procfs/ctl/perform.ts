import { Errno } from "../../base/errno.ts";
import type { Caller } from "../../vfs/caller.ts";
import { chainOutcome, type Outcome } from "../../vfs/parked.ts";
import { type Steps, step } from "../../vfs/steps.ts";
import { mayDebug, type OpenContext } from "../file.ts";
import type { ProcfsOptions } from "../options.ts";
import { isSignalWord } from "./signals.ts";
import { type CtlWord, findWord } from "./words.ts";

/** The row of a line and what stands behind its word; undefined where the line is none. */
export function rowOf(line: string, options: ProcfsOptions): { row: CtlWord; args: string } | undefined {
  const [word = "", ...rest] = options.profile === "1993" ? [line] : line.split(/[ \t]+/);
  const row = findWord(word, options);
  return row && { row, args: rest.join(" ") };
}

/** A signal name continues a target that is stopped and the caller's, delivering it; else it is an ordinary signal. */
function signal({ process, tid, ports, opener }: OpenContext, caller: Caller, name: string): Outcome<void> {
  const delivered = ports.tracer.deliver(process, caller, name, tid);
  return delivered === false ? ports.signals.note(process, [caller, opener], name) : delivered;
}

/** `caller` has the rights of who writes and of who opened it, not more. */
function performOne(context: OpenContext, caller: Caller, line: string): Outcome<void> {
  const { ports, process, options, tid } = context;
  const found = rowOf(line, options);
  if (found) {
    const { row, args } = found;
    if (args !== "" && row.takes === undefined) throw new Errno("EINVAL", `${row.word} is said without ${args}`);
    const act = (): Outcome<void> => row.run({ ports, process, caller, options, args });
    return tid !== undefined && row.ofThread ? chainOutcome(ports.tracer.choose(process, caller, tid), act) : act();
  }
  if (isSignalWord(line)) return signal(context, caller, line);
  throw new Errno("EOPNOTSUPP", `no control word ${JSON.stringify(line)}`);
}

/**
 * The words of one write, which `parse` tells, in order; the first that fails ends it, and says which one it was. Between two of them
 * the process may have become another's, so the permission is asked for each.
 */
export function* performWords(context: OpenContext, writer: Caller, parse: () => readonly string[]): Steps<void> {
  let caller = yield* step(mayDebug(context, writer));
  const lines = parse();
  for (const [i, line] of lines.entries()) {
    try {
      if (i > 0) caller = yield* step(mayDebug(context, writer));
      yield* step(performOne(context, caller, line));
    } catch (error) {
      if (!(error instanceof Errno) || lines.length === 1) throw error;
      throw new Errno(error.code, `word ${i + 1} of ${lines.length}, ${JSON.stringify(line)}: ${error.reason}`, error);
    }
  }
}
