import { openText, type ProcFile } from "../file.ts";

export const nomem: ProcFile = {
  name: "nomem",
  kind: "file",
  slot: 11,
  mode: 0o444,
  doc: "the last calls that were refused memory: time, call, bytes, which limit, what was in use, the limit",
  open: openText(({ ports, process }) =>
    ports.accounts
      .refusals(process)
      .map(({ timeMs, call, bytes, reason, used, limit }) => {
        return `${(timeMs / 1000).toFixed(3)} ${call} ${bytes} ${reason} ${used} ${limit}\n`;
      })
      .join(""),
  ),
};
