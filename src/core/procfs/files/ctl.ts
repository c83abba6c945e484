import { Errno } from "../../base/errno.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Handle } from "../../vfs/node.ts";
import { chainOutcome, mapOutcome, type Outcome } from "../../vfs/parked.ts";
import { parseWord, WordPosition } from "../ctl/parse.ts";
import { isSignalWord } from "../ctl/signals.ts";
import { findWord } from "../ctl/words.ts";
import { mayDebug, type OpenContext, type ProcFile } from "../file.ts";

/** A signal name continues a target that is stopped and the caller's, delivering it; else it is an ordinary signal. */
function signal({ process, ports, opener }: OpenContext, caller: Caller, name: string): Outcome<void> {
  const delivered = ports.tracer.deliver(process, caller, name);
  return delivered === false ? ports.signals.note(process, [caller, opener], name) : delivered;
}

/** `caller` has the rights of who writes and of who opened it, not more. */
function perform(context: OpenContext, caller: Caller, word: string): Outcome<void> {
  const row = findWord(word, context.options);
  if (row) return row.run(context.ports, context.process, caller, context.options);
  if (isSignalWord(word)) return signal(context, caller, word);
  throw new Errno("EOPNOTSUPP", `no control word ${JSON.stringify(word)}`);
}

function openCtl(context: OpenContext): Handle {
  const { options } = context;
  const position = new WordPosition(context.mode);
  return {
    repeats: (data) => findWord(parseWord("ctl", data, options), options)?.repeats === true,
    write(caller, offset, data) {
      const copy = data.slice();
      return chainOutcome(mayDebug(context, caller), (actor) => {
        position.check(offset);
        const word = parseWord("ctl", copy, options);
        return mapOutcome(perform(context, actor, word), () => {
          position.advance(offset, copy.length);
          return copy.length;
        });
      });
    },
  };
}

export const ctl: ProcFile = {
  name: "ctl",
  kind: "file",
  slot: 5,
  mode: 0o200,
  doc: "takes a control word or a signal name",
  open: openCtl,
};
