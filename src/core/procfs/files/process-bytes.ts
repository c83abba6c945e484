import { chainOutcome, mapOutcome } from "../../vfs/parked.ts";
import { isResumed, mayDebug, openBytes, type ProcFile } from "../file.ts";
import type { ProcessBytes } from "../inspection-port.ts";

/** A file of what the kernel keeps of a process, as it keeps it. */
function processBytes(name: ProcessBytes, slot: number, doc: string): ProcFile {
  return {
    name,
    kind: "file",
    slot,
    mode: 0o400,
    doc,
    open: (context) => {
      const { ports, process, opener } = context;
      if (isResumed(context)) return openBytes(context, new Uint8Array());
      const bytes = chainOutcome(mayDebug(context, opener), () => ports.inspection.bytes(process, opener, name));
      return mapOutcome(bytes, (all) => openBytes(context, all));
    },
  };
}

export const auxv: ProcFile = processBytes("auxv", 18, "the auxiliary vector, in the kernel's layout");
export const cmdline: ProcFile = processBytes("cmdline", 19, "the arguments, each ended by a NUL");
export const environ: ProcFile = processBytes(
  "environ",
  20,
  "the environment as exec got it, each entry ended by a NUL",
);
