import { Errno } from "../../base/errno.ts";
import { mapOutcome } from "../../vfs/parked.ts";
import { mayDebug, orMinusOne, type ProcFile, textHandle, wordsOf } from "../file.ts";

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
    const text = ports.accounts
      .limits(process)
      .map(({ name, soft, hard }) => `${name} ${orMinusOne(soft)} ${orMinusOne(hard)}\n`)
      .join("");
    return {
      ...textHandle(context, text),
      write(caller, offset, data) {
        const copy = data.slice();
        return mapOutcome(mayDebug(context, caller), () => {
          const [name, soft, hard, ...rest] = wordsOf(copy, offset);
          if (name !== "swap" || rest.length > 0)
            throw new Errno("EINVAL", "say: swap SOFT HARD; setrlimit(2) sets the others");
          ports.accounts.setSwapLimit(process, caller, parseBytes(soft), parseBytes(hard ?? soft));
          return copy.length;
        });
      },
    };
  },
};
