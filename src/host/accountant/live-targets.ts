import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../../core/abi/fcntl.ts";
import type { SmapsEntry } from "../../core/abi/text/smaps.ts";
import { statusNumbers } from "../../core/abi/text/status.ts";
import { isErrno } from "../../core/base/errno.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import type { Ids, Image, MemoryFile, Progress, Segment, Targets, Vma } from "../../core/notify/ports.ts";
import { ANONYMOUS, SEGMENT } from "../../core/notify/shared-objects.ts";
import { check } from "../linux/ffi/call.ts";
import { libcClose, libcOpenat, libcSyscall, libcTgkill } from "../linux/ffi/libc.ts";
import { readLongText, readTextAt } from "../linux/file.ts";
import { hostArch } from "../linux/host-arch.ts";
import { listNumbers } from "../linux/numbered-entries.ts";
import { readSmaps } from "../linux/read-smaps.ts";
import { linkAt, memoryFileAt, memoryFileName, namedMemoryFiles } from "./memory-file.ts";

const KCMP_VM = 1;
const SECCOMP_MODE_FILTER = 2;
/** Fields of /proc/pid/stat behind the name, proc_pid_stat(5): counted from the state. */
const STATE = 0;
const PPID = 1;
const MINFLT = 7;
const MAJFLT = 9;
const STARTTIME = 19;
const VSIZE = 20;
const STARTCODE = 23;
const STARTSTACK = 25;
const START_BRK = 44;
const ARG_START = 45;

/** `undefined` where the process is gone or does not let itself be looked at. */
function ifThere<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}

const textOf = (path: string): string => readTextAt(AT_FDCWD, path, path);

function statFields(dir: string): readonly string[] {
  const text = textOf(`${dir}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

const hasMemory = (fields: readonly string[]): boolean => fields[VSIZE] !== "0";

interface Size {
  readonly total: number;
  readonly data: number;
}

function sizeAt(dir: string): Size {
  const fields = textOf(`${dir}/statm`).split(" ");
  return { total: Number(fields[0]), data: Number(fields[5]) };
}

export function toVma(entry: SmapsEntry): Vma {
  const { start, end, rights, flags, offset, path } = entry;
  const has = (flag: string): boolean => flags.includes(`${flag} `);
  const shared = rights.endsWith("s");
  const pages = (end - start) / PAGE_SIZE;
  return {
    start: start / PAGE_SIZE,
    end: end / PAGE_SIZE,
    accounted: has("ac"),
    accountable: !(shared || has("nr") || has("ht") || has("io") || has("pf")),
    dontCopy: has("dc"),
    stack: has("gd"),
    heap: path === "[heap]",
    named: path.startsWith("[anon:"),
    hidden: false,
    object: shared ? objectName(entry) : undefined,
    objectPages: offset / PAGE_SIZE + pages,
  };
}

/** Anonymous shared memory and System V segments are files that have no name any more; a segment's inode is its id. */
function objectName({ path, device, inode }: SmapsEntry): string | undefined {
  if (path === "/dev/zero (deleted)") return `${ANONYMOUS}${device}:${inode}`;
  if (/^\/SYSV[0-9a-f]{8} \(deleted\)$/.test(path)) return SEGMENT + inode;
  if (!path.startsWith("/memfd:") && !path.startsWith("/dev/shm/")) return undefined;
  const [major, minor] = device.split(":").map((part) => Number.parseInt(part, 16));
  return memoryFileName(major!, minor!, inode);
}

/** The machine as /proc shows it. */
export class LiveTargets implements Targets {
  readonly #sysKcmp: number = hostArch().sysKcmp;

  image(pid: number): Image | undefined {
    return ifThere(() => {
      const fields = statFields(`/proc/${pid}`);
      const startTicks = Number(fields[STARTTIME]);
      const ppid = Number(fields[PPID]);
      const from = hasMemory(fields) ? fields : this.#ofThread(pid, statFields, hasMemory);
      if (!from) return { startTicks, ppid, layout: `gone ${pid}`, isHidden: false, startBrk: 0 };
      // The kernel shows 1 for what it does not tell, 0 while exec is on its way.
      const isHidden = Number(from[STARTCODE]) <= 1 || from[START_BRK] === "0";
      const layout = isHidden ? `hidden ${pid}` : `${from[STARTCODE]} ${from[STARTSTACK]} ${from[ARG_START]}`;
      return { startTicks, ppid, layout, isHidden, startBrk: isHidden ? 0 : Number(from[START_BRK]) };
    });
  }

  /** What a thread says that has the process's memory still, where the first one has exited. */
  #ofThread<T>(pid: number, read: (path: string) => T, isIt: (read: T) => boolean): T | undefined {
    for (const tid of ifThere(() => this.#numbers(`/proc/${pid}/task`)) ?? []) {
      const found = tid === pid ? undefined : ifThere(() => read(`/proc/${pid}/task/${tid}`));
      if (found !== undefined && isIt(found)) return found;
    }
    return undefined;
  }

  /** A process that hides its map, as a set-id program does from its user, counts as its data and stack. */
  map(pid: number): readonly Vma[] | undefined {
    try {
      const entries = readSmaps(`/proc/${pid}`);
      const all = entries.length > 0 ? entries : (this.#ofThread(pid, readSmaps, ({ length }) => length > 0) ?? []);
      return all.map(toVma);
    } catch (error) {
      if (isErrno(error, "ENOENT", "ESRCH")) return undefined;
      if (!isErrno(error, "EACCES", "EPERM")) throw error;
      const size = this.size(pid);
      const rest = { accountable: true, dontCopy: false, stack: false, heap: false, named: false, object: undefined };
      return size && [{ start: 0, end: size.data, accounted: true, hidden: true, objectPages: 0, ...rest }];
    }
  }

  size(pid: number): Size | undefined {
    return ifThere(() => {
      const size = sizeAt(`/proc/${pid}`);
      return size.total > 0 ? size : (this.#ofThread(pid, sizeAt, ({ total }) => total > 0) ?? size);
    });
  }

  ids(tid: number): Ids | undefined {
    return ifThere(() => {
      const text = textOf(`/proc/${tid}/status`);
      const [ruid, euid] = statusNumbers(text, "Uid");
      const filtered = statusNumbers(text, "Seccomp")[0] === SECCOMP_MODE_FILTER;
      return { pid: statusNumbers(text, "Tgid")[0]!, ruid: ruid!, euid: euid!, filtered };
    });
  }

  /** No signal is sent: what is asked is whether `tid` is a thread of process `tid`. */
  isProcess(tid: number): boolean {
    return libcTgkill(tid, tid, 0) === 0;
  }

  hasThread(pid: number, tid: number): boolean {
    const fd = libcOpenat(AT_FDCWD, `/proc/${pid}/task/${tid}`, O_RDONLY | O_CLOEXEC, 0);
    if (fd >= 0) libcClose(fd);
    return fd >= 0;
  }

  progress(pid: number, tid: number): Progress | undefined {
    const path = `/proc/${pid}/task/${tid}`;
    return ifThere(() => {
      const fields = statFields(path);
      if (/[ZX]/.test(fields[STATE]!)) return undefined;
      const cpuTime = Number(textOf(`${path}/schedstat`).split(" ", 1)[0]);
      const faults = Number(fields[MINFLT]) + Number(fields[MAJFLT]);
      const call = ifThere(() => textOf(`${path}/syscall`));
      // Of one that hides where it is only the state tells: none of these calls sleeps so that a signal would wake it.
      const running = call === undefined ? !/[STt]/.test(fields[STATE]!) : call.startsWith("running");
      const number = Number.parseInt(call ?? "", 10);
      return { running, call: number >= 0 ? number : undefined, cpuTime, faults };
    });
  }

  children(pid: number): readonly number[] {
    const threads = ifThere(() => this.#numbers(`/proc/${pid}/task`)) ?? [];
    return threads.flatMap((tid) => {
      const text = ifThere(() => readLongText(`/proc/${pid}/task/${tid}/children`)) ?? "";
      return text.split(" ").filter(Boolean).map(Number);
    });
  }

  pids(): readonly number[] {
    return this.#numbers("/proc");
  }

  sharesMemory(pid: number, other: number): boolean {
    return libcSyscall(this.#sysKcmp, pid, other, KCMP_VM, 0, 0) === 0;
  }

  isZero(pid: number, fd: number): boolean {
    return linkAt(`/proc/${pid}/fd/${fd}`) === "/dev/zero";
  }

  memoryFile(pid: number, fd: number): MemoryFile | undefined {
    return memoryFileAt(`/proc/${pid}/fd/${fd}`);
  }

  memoryFiles(pid: number): readonly MemoryFile[] {
    const fds = ifThere(() => this.#numbers(`/proc/${pid}/fd`)) ?? [];
    return fds.flatMap((fd) => this.memoryFile(pid, fd) ?? []);
  }

  namedMemoryFiles(): ReadonlyMap<string, number> {
    return namedMemoryFiles();
  }

  segments(): readonly Segment[] {
    const lines =
      ifThere(() => readLongText("/proc/sysvipc/shm"))
        ?.split("\n")
        .slice(1) ?? [];
    return lines.filter(Boolean).map((line) => {
      const [key, id, , size, creator] = line.trim().split(/\s+/).map(Number);
      return { key: key! >>> 0, id: id!, creator: creator!, pages: Math.ceil(size! / PAGE_SIZE) };
    });
  }

  #numbers(path: string): number[] {
    const fd = check(libcOpenat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), path);
    try {
      return listNumbers(fd, path);
    } finally {
      libcClose(fd);
    }
  }
}
