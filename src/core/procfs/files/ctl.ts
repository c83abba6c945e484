import { copyOf } from "../../base/bytes.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Handle, PollState } from "../../vfs/node.ts";
import { mapOutcome } from "../../vfs/parked.ts";
import { perform } from "../../vfs/steps.ts";
import { parseWords, WordPosition } from "../ctl/parse.ts";
import { performWords, rowOf } from "../ctl/perform.ts";
import type { OpenContext, ProcFile } from "../file.ts";
import type { Events } from "../ports.ts";

/** poll(2) says POLLPRI while the process is stopped under control, POLLHUP when it has ended: whoever asks is told of what happens from then on. */
class StopWatch {
  readonly #context: OpenContext;
  #events: Events | undefined;
  #wake: (() => void) | undefined;

  constructor(context: OpenContext) {
    this.#context = context;
  }

  poll(_caller: Caller, wake: (() => void) | undefined): PollState {
    const { ports, process } = this.#context;
    if (wake) {
      this.#wake = wake;
      this.#events ??= ports.tracer.events(process, () => this.#news());
    }
    const hungUp = !process.alive() || this.#events?.log.ended === true;
    return { writable: true, urgent: !hungUp && ports.tracer.isStopped(process), hungUp };
  }

  #news(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  close(): void {
    this.#events?.close();
  }
}

function openCtl(context: OpenContext): Handle {
  const { options } = context;
  const position = new WordPosition(context.mode);
  const watch = new StopWatch(context);
  return {
    repeats: (data) => parseWords(data, options).every((line) => rowOf(line, options)?.row.repeats === true),
    write(caller, offset, data) {
      const copy = copyOf(data);
      const parse = (): readonly string[] => {
        position.check(offset);
        return parseWords(copy, options);
      };
      return mapOutcome(perform(performWords(context, caller, parse)), () => {
        position.advance(offset, copy.length);
        return copy.length;
      });
    },
    poll: (caller, wake) => watch.poll(caller, wake),
    close: () => watch.close(),
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
