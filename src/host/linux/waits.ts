/**
 * What each access to a process can wait for, tried on Linux 6.18 by test/root/waits.test.ts. A path of /proc/PID without a
 * row cannot be read: {@link promptText} and its like take these names only.
 */

/**
 * - `exec_update_lock`: the process is inside exec and closes a file whose server never answers.
 * - `cred_guard_mutex`: its exec reads such a file, or waits for a thread that does not end.
 * - `mmap_lock`: a thread of it faults on such a file.
 */
export type Lock = "exec_update_lock" | "cred_guard_mutex" | "mmap_lock";

/** How it is looked at: a text read, a descriptor opened for reading and writing, a link read, a directory listed. */
export type How = "read" | "open" | "link" | "list";

/** Files of /proc/PID, and of /proc/PID/task/TID, that return at once, whatever the process does. */
export type PromptName = "children" | "fd" | "limits" | "schedstat" | "statm" | "status" | "task";

export const PROMPT_FILES: Readonly<Record<PromptName, How>> = {
  children: "read",
  fd: "list",
  limits: "read",
  schedstat: "read",
  statm: "read",
  status: "read",
  task: "list",
};

/** Those that can wait for the process, for as long as its owner likes. "fd/0" stands for each of its descriptors. */
export type WaitingName =
  | "auxv"
  | "cmdline"
  | "cwd"
  | "environ"
  | "exe"
  | "fd/0"
  | "maps"
  | "mem"
  | "ns/user"
  | "pagemap"
  | "root"
  | "smaps"
  | "stat"
  | "syscall"
  | "wchan";

export interface WaitingFile {
  readonly how: How;
  readonly waits: readonly Lock[];
}

export const WAITING_FILES: Readonly<Record<WaitingName, WaitingFile>> = {
  auxv: { how: "read", waits: ["exec_update_lock"] },
  cmdline: { how: "read", waits: ["mmap_lock"] },
  cwd: { how: "link", waits: ["exec_update_lock"] },
  environ: { how: "read", waits: ["exec_update_lock", "mmap_lock"] },
  exe: { how: "link", waits: ["exec_update_lock"] },
  "fd/0": { how: "link", waits: ["exec_update_lock"] },
  maps: { how: "read", waits: ["exec_update_lock", "mmap_lock"] },
  mem: { how: "open", waits: ["exec_update_lock"] },
  "ns/user": { how: "link", waits: ["exec_update_lock"] },
  pagemap: { how: "read", waits: ["exec_update_lock", "mmap_lock"] },
  root: { how: "link", waits: ["exec_update_lock"] },
  smaps: { how: "read", waits: ["exec_update_lock", "mmap_lock"] },
  stat: { how: "read", waits: ["exec_update_lock"] },
  syscall: { how: "read", waits: ["exec_update_lock"] },
  wchan: { how: "read", waits: ["exec_update_lock"] },
};

export type ProcFileName = PromptName | WaitingName;

/** System calls that name a process. */
export type ProcessCall =
  | "get_robust_list"
  | "getpgid"
  | "getsid"
  | "kcmp"
  | "pidfd_getfd"
  | "pidfd_info"
  | "pidfd_open"
  | "pidfd_send_signal"
  | "pidfd_stat"
  | "process_vm_readv"
  | "ptrace_seize"
  | "statx_directory"
  | "tgkill";

export const PROCESS_CALLS: Readonly<Record<ProcessCall, readonly Lock[]>> = {
  get_robust_list: ["exec_update_lock"],
  getpgid: [],
  getsid: [],
  kcmp: ["exec_update_lock"],
  pidfd_getfd: ["exec_update_lock"],
  pidfd_info: [],
  pidfd_open: [],
  pidfd_send_signal: [],
  pidfd_stat: [],
  process_vm_readv: ["exec_update_lock", "mmap_lock"],
  ptrace_seize: ["exec_update_lock", "cred_guard_mutex"],
  statx_directory: [],
  tgkill: [],
};
