import { latin1 } from "../../base/text.ts";
import { mapOutcome } from "../../vfs/parked.ts";
import { openMade, type ProcFile } from "../file.ts";

export const stop: ProcFile = {
  name: "stop",
  kind: "file",
  slot: 23,
  mode: 0o400,
  doc: "why the process is stopped, one line; `running` when it is not",
  open: openMade(({ ports, process, tid }) =>
    mapOutcome(ports.tracer.why(process, tid), (line) => latin1(`${line}\n`)),
  ),
};
