import { latin1 } from "../../base/text.ts";
import { chainOutcome, mapOutcome } from "../../vfs/parked.ts";
import { isResumed, mayDebug, openBytes, type ProcFile } from "../file.ts";

export const stop: ProcFile = {
  name: "stop",
  kind: "file",
  slot: 23,
  mode: 0o400,
  doc: "why the process is stopped, one line; `running` when it is not",
  open: (context) => {
    const { ports, process, tid, opener } = context;
    if (isResumed(context)) return openBytes(context, new Uint8Array());
    const line = chainOutcome(mayDebug(context, opener), () => ports.tracer.why(process, tid));
    return mapOutcome(line, (text) => openBytes(context, latin1(`${text}\n`)));
  },
};
