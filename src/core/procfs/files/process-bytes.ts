import { openMade, type ProcFile } from "../file.ts";
import type { ProcessBytes } from "../inspection-port.ts";

/** A file of what the kernel keeps of a process, as it keeps it. */
function processBytes(name: ProcessBytes, slot: number, doc: string): ProcFile {
  return {
    name,
    kind: "file",
    slot,
    mode: 0o400,
    doc,
    open: openMade(({ ports, process, opener }) => ports.inspection.bytes(process, opener, name)),
  };
}

export const auxv: ProcFile = processBytes("auxv", 18, "the auxiliary vector, in the kernel's layout");
export const cmdline: ProcFile = processBytes("cmdline", 19, "the arguments, each ended by a NUL");
export const environ: ProcFile = processBytes(
  "environ",
  20,
  "the environment as exec got it, each entry ended by a NUL",
);
