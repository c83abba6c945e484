import type { ProcNode } from "./file.ts";
import { ctl } from "./files/ctl.ts";
import { file, fileContents } from "./files/file.ts";
import { mem } from "./files/mem.ts";
import { note, notepg } from "./files/note.ts";
import { regs } from "./files/regs.ts";
import { status } from "./files/status.ts";
import type { ProcfsOptions } from "./options.ts";

/** THE list of what a process directory holds, in the order of its listing. */
export const PROC_NODES: readonly ProcNode[] = [file, mem, regs, ctl, status, note, notepg];

/** The list as a mount with these options shows it. */
export function nodesFor({ executable }: ProcfsOptions): readonly ProcNode[] {
  return executable === "link" ? PROC_NODES : PROC_NODES.map((row) => (row === file ? fileContents : row));
}
