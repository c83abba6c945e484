import { copyOf } from "../../base/bytes.ts";
import { Errno } from "../../base/errno.ts";
import { chainOutcome, mapOutcome } from "../../vfs/parked.ts";
import type { Limit } from "../accounts-port.ts";
import { mayDebug, orMinusOne, type ProcFile, textHandle, wordsOf } from "../file.ts";

const render = ({ name, soft, hard }: Limit): string => `${name} ${orMinusOne(soft)} ${orMinusOne(hard)}\n`;

/** Bytes; `infinity` and -1 are none. EINVAL. */
function parseBytes(text: string | undefined): number {
  if (text === "infinity" || text === "-1") return Number.POSITIVE_INFINITY;
  if (text === undefined || !/^\d{1,15}$/.test(text))
    throw new Errno("EINVAL", "say: swap SOFT HARD, in bytes or infinity");
  return Number(text);
}

export const rlimit: ProcFile = {
  name: "rlimit",
  kind: "file",
  slot: 10,
  mode: 0o644,
  doc: "the resource limits, `name current maximum` each; takes `swap SOFT HARD`",
  open: (context) => {
    const { ports, process } = context;
    return mapOutcome(ports.accounts.limits(process), (limits) => ({
      ...textHandle(context, limits.map(render).join("")),
      repeats: () => true,
      write(caller, offset, data) {
        const copy = copyOf(data);
        return chainOutcome(mayDebug(context, caller), (actor) => {
          const [name, soft, hard, ...rest] = wordsOf(copy, offset);
          if (name !== "swap" || rest.length > 0)
            throw new Errno("EINVAL", "say: swap SOFT HARD; setrlimit(2) sets the others");
          const set = ports.accounts.setSwapLimit(process, actor, parseBytes(soft), parseBytes(hard ?? soft));
          return mapOutcome(set, () => copy.length);
        });
      },
    }));
  },
};
