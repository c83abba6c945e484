import type { ProcNode } from "./file.ts";
import { ctl } from "./files/ctl.ts";
import { file } from "./files/file.ts";
import { mem } from "./files/mem.ts";
import { note, notepg } from "./files/note.ts";
import { regs } from "./files/regs.ts";
import { status } from "./files/status.ts";

/** THE list of what a process directory holds, in the order of its listing. */
export const PROC_NODES: readonly ProcNode[] = [file, mem, regs, ctl, status, note, notepg];
