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
import { memoryFileAt, memoryFileName, namedMemoryFiles } from "./memory-file.ts";
import { readSmaps } from "./read-smaps.ts";

const KCMP_VM = 1;
const SECCOMP_MODE_FILTER = 2;
/** Fields of /proc/pid/stat behind the name, proc_pid_stat(5): counted from the state. */
const STATE = 0;
const PPID = 1;
const MINFLT = 7;
const MAJFLT = 9;
const STARTTIME = 19;
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

function statFields(path: string): readonly string[] {
  const text = textOf(path);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
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
      const fields = statFields(`/proc/${pid}/stat`);
      return {
        startTicks: Number(fields[STARTTIME]),
        ppid: Number(fields[PPID]),
        layout: `${fields[STARTCODE]} ${fields[STARTSTACK]} ${fields[ARG_START]}`,
        startBrk: Number(fields[START_BRK]),
      };
    });
  }

  /** A process that hides its map, as a set-id program does from its user, counts as its data and stack. */
  map(pid: number): readonly Vma[] | undefined {
    try {
      return readSmaps(pid).map(toVma);
    } catch (error) {
      if (isErrno(error, "ENOENT", "ESRCH")) return undefined;
      if (!isErrno(error, "EACCES", "EPERM")) throw error;
      const size = this.size(pid);
      const hidden = { accountable: true, dontCopy: false, stack: false, heap: false, object: undefined };
      return size && [{ start: 0, end: size.data, accounted: true, objectPages: 0, ...hidden }];
    }
  }

  size(pid: number): { total: number; data: number } | undefined {
    return ifThere(() => {
      const fields = textOf(`/proc/${pid}/statm`).split(" ");
      return { total: Number(fields[0]), data: Number(fields[5]) };
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
      const fields = statFields(`${path}/stat`);
      if (/[ZX]/.test(fields[STATE]!)) return undefined;
      const cpuTime = Number(textOf(`${path}/schedstat`).split(" ", 1)[0]);
      const faults = Number(fields[MINFLT]) + Number(fields[MAJFLT]);
      // One that hides where it is may be anywhere.
      const call = ifThere(() => textOf(`${path}/syscall`)) ?? "running";
      const running = call.startsWith("running");
      const number = Number.parseInt(call, 10);
      return { running, call: running || number < 0 ? undefined : number, cpuTime, faults };
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
