import type { ProcFile, ProcNode, RootFile } from "./file.ts";
import { accounts, accountsCheck, counters, observed, swap } from "./files/accounts.ts";
import { breaks } from "./files/breaks.ts";
import { ctl } from "./files/ctl.ts";
import { cwd, root } from "./files/directories.ts";
import { events } from "./files/events.ts";
import { file, fileContents } from "./files/file.ts";
import { history, rootEvents } from "./files/history.ts";
import { jobs } from "./files/jobs.ts";
import { map } from "./files/map.ts";
import { mem } from "./files/mem.ts";
import { nomem } from "./files/nomem.ts";
import { note, notepg } from "./files/note.ts";
import { auxv, cmdline, environ } from "./files/process-bytes.ts";
import { dbregs, fpregs, regs } from "./files/regs.ts";
import { fpregsText, regsText } from "./files/regs-text.ts";
import { rlimit } from "./files/rlimit.ts";
import { sig } from "./files/sig.ts";
import { stack } from "./files/stack.ts";
import { status } from "./files/status.ts";
import { stop } from "./files/stop.ts";
import { lwp, threadStatus, wchan } from "./files/threads.ts";
import { LATER_SLOT } from "./ino.ts";
import type { ProcfsOptions } from "./options.ts";

/** THE list of what a process directory holds, in the order of its listing. */
export const PROC_NODES: readonly ProcNode[] = [
  file,
  mem,
  regs,
  ctl,
  status,
  note,
  notepg,
  map,
  rlimit,
  nomem,
  regsText,
  stack,
  auxv,
  cmdline,
  environ,
  cwd,
  root,
  stop,
  events,
  lwp,
  wchan,
  fpregs,
  fpregsText,
  sig,
  breaks,
  dbregs,
];

/** THE list of what a directory of `lwp` holds: of the process's files those that are about one thread, and its own status. */
export const THREAD_NODES: readonly ProcFile[] = [
  regs,
  regsText,
  fpregs,
  fpregsText,
  dbregs,
  stack,
  stop,
  ctl,
  threadStatus,
  wchan,
  sig,
];

/** THE list of files beside the processes. */
export const ROOT_FILES: readonly RootFile[] = [
  swap,
  accounts,
  accountsCheck,
  observed,
  jobs,
  history,
  rootEvents,
  counters,
];

/** The list as a mount with these options shows it. */
export function nodesFor({ executable, profile }: ProcfsOptions): readonly ProcNode[] {
  const rows = profile === "1993" ? PROC_NODES.filter(({ slot }) => slot < LATER_SLOT) : PROC_NODES;
  return executable === "link" ? rows : rows.map((row) => (row === file ? fileContents : row));
}

export function rootFilesFor({ profile }: ProcfsOptions): readonly RootFile[] {
  return profile === "1993" ? [] : ROOT_FILES;
}
