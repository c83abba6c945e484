import { mapOutcome } from "../../vfs/parked.ts";
import type { RefusedCall } from "../accounts-port.ts";
import { type ProcFile, textHandle } from "../file.ts";

const render = ({ timeMs, call, bytes, reason, used, limit }: RefusedCall): string =>
  `${(timeMs / 1000).toFixed(3)} ${call} ${bytes} ${reason} ${used} ${limit}\n`;

export const nomem: ProcFile = {
  name: "nomem",
  kind: "file",
  slot: 11,
  mode: 0o444,
  doc: "the last calls that were refused memory: time, call, bytes, which limit, what was in use, the limit",
  open: (context) =>
    mapOutcome(context.ports.accounts.refusals(context.process), (refusals) =>
      textHandle(context, refusals.map(render).join("")),
    ),
};
