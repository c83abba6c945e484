import { AT_FDCWD } from "../../core/abi/fcntl.ts";
import { statusNumbers } from "../../core/abi/text/status.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import type { Ids, Image, MemoryFile, Progress, Segment, Targets, Vma } from "../../core/notify/ports.ts";
import { openForReading } from "../linux/descriptor-reserve.ts";
import { libcClose, libcSyscall, libcTgkill } from "../linux/ffi/libc.ts";
import { readLongText, readTextAt } from "../linux/file.ts";
import { hostArch } from "../linux/host-arch.ts";
import { sizeOf } from "./look.ts";
import { Looks } from "./looks.ts";
import { linkAt, memoryFileAt, namedMemoryFiles } from "./memory-file.ts";
import { ifThere, numbersIn, type Size, threadThat } from "./sizes.ts";

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

const textOf = (path: string): string => readTextAt(AT_FDCWD, path, path);

function statFields(dir: string): readonly string[] {
  const text = textOf(`${dir}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

const hasMemory = (fields: readonly string[]): boolean => fields[VSIZE] !== "0";

/** The machine as /proc shows it. */
export class LiveTargets implements Targets {
  readonly #sysKcmp: number = hostArch().sysKcmp;
  readonly #looks: Looks;
  /** Found out for the decision that is being made. */
  readonly #ids = new Map<number, Ids>();
  #remembersIds = false;

  constructor(looks: Looks = new Looks()) {
    this.#looks = looks;
  }

  image(pid: number): Image | undefined {
    return ifThere(() => {
      const fields = statFields(`/proc/${pid}`);
      const startTicks = Number(fields[STARTTIME]);
      const ppid = Number(fields[PPID]);
      const from = hasMemory(fields) ? fields : threadThat(pid, statFields, hasMemory);
      if (!from) return { startTicks, ppid, layout: `gone ${pid}`, isHidden: false, startBrk: 0 };
      // The kernel shows 1 for what it does not tell, 0 while exec is on its way.
      const isHidden = Number(from[STARTCODE]) <= 1 || from[START_BRK] === "0";
      const layout = isHidden ? `hidden ${pid}` : `${from[STARTCODE]} ${from[STARTSTACK]} ${from[ARG_START]}`;
      return { startTicks, ppid, layout, isHidden, startBrk: isHidden ? 0 : Number(from[START_BRK]) };
    });
  }

  map(pid: number): readonly Vma[] | undefined {
    return this.#looks.map(pid);
  }

  size(pid: number): Size | undefined {
    return sizeOf(pid);
  }

  /** One decision begins or ends: until the other, who is who is asked once. */
  decides(begins: boolean): void {
    this.#remembersIds = begins;
    if (this.#ids.size > 0) this.#ids.clear();
  }

  ids(tid: number): Ids | undefined {
    const known = this.#ids.get(tid);
    if (known) return known;
    const ids = this.#readIds(tid);
    // For a refusal it is asked several times, and takes longer than all the rest.
    if (ids && this.#remembersIds) this.#ids.set(tid, ids);
    return ids;
  }

  #readIds(tid: number): Ids | undefined {
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
    const fd = openForReading(AT_FDCWD, `/proc/${pid}/task/${tid}`);
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
    const threads = ifThere(() => numbersIn(`/proc/${pid}/task`)) ?? [];
    return threads.flatMap((tid) => {
      const text = ifThere(() => readLongText(`/proc/${pid}/task/${tid}/children`)) ?? "";
      return text.split(" ").filter(Boolean).map(Number);
    });
  }

  pids(): readonly number[] {
    return numbersIn("/proc");
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
    const fds = ifThere(() => numbersIn(`/proc/${pid}/fd`)) ?? [];
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
}
