/** What the tables of the process file system say, for help, completion and the manual. */
import { SIGNAL_WORDS } from "../core/procfs/ctl/signals.ts";
import { CTL_WORDS as WORDS } from "../core/procfs/ctl/words.ts";
import { ROOT_FILES as FILES, PROC_NODES, THREAD_NODES as THREADS } from "../core/procfs/table.ts";

export const NODES: readonly { readonly name: string; readonly doc: string; readonly mode: number }[] = PROC_NODES;
export const THREAD_NODES: readonly { readonly name: string; readonly doc: string; readonly mode: number }[] = THREADS;
export const ROOT_FILES: readonly { readonly name: string; readonly doc: string; readonly mode: number }[] = FILES;
export const CTL_WORDS: readonly { readonly word: string; readonly doc: string }[] = WORDS;
export const SIGNALS: readonly string[] = SIGNAL_WORDS;
