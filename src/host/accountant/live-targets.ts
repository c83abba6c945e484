import { AT_FDCWD } from "../../core/abi/fcntl.ts";
import { statusNumbers } from "../../core/abi/text/status.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import type { Ids, Image, MemoryFile, Progress, Segment, Targets, Vma } from "../../core/notify/ports.ts";
import { bootTicks } from "../linux/boot-ticks.ts";
import { openForReading } from "../linux/descriptor-reserve.ts";
import { libcClose, libcSyscall, libcTgkill } from "../linux/ffi/libc.ts";
import { readLongText } from "../linux/file.ts";
import { hostArch } from "../linux/host-arch.ts";
import { listProcesses, listThreads, longPromptText, promptText, threadPath } from "../linux/proc-file.ts";
import { hasRobustFutexes, type ThreadInfo, threadInfo } from "../linux/thread-info.ts";
import { MapCache } from "./map-cache.ts";
import { sizeOf } from "./map-snapshot.ts";
import { descriptorLink, memoryFileOf, namedMemoryFiles } from "./memory-file.ts";
import { ALL_OWN, type OtherUsersProcesses } from "./other-users-processes.ts";
import { readImage, readMemoryFiles, readProgress, readProgressAtOnce } from "./read-process.ts";
import { ifReadable, type Size, threadWithMemory } from "./sizes.ts";

const KCMP_VM = 1;
const SECCOMP_MODE_FILTER = 2;
/** Pages: a program that runs has more, one that exec is building has its stack alone. */
const BEGINNING = 128;

/** The machine as /proc shows it. Of strangers, who can keep whoever looks at them waiting, what was seen of them last elsewhere. */
export class LiveTargets implements Targets {
  readonly #sysKcmp: number = hostArch().sysKcmp;
  readonly #maps: MapCache;
  readonly #others: OtherUsersProcesses;
  /** Found out for the decision that is being made. */
  readonly #ids = new Map<number, Ids>();
  #remembersIds = false;

  constructor(maps: MapCache = new MapCache(), others: OtherUsersProcesses = ALL_OWN) {
    this.#maps = maps;
    this.#others = others;
  }

  image(pid: number): Image | undefined {
    return this.#others.mayBlock(pid) ? this.#others.image(pid) : this.#readImage(pid);
  }

  /** Of a process that is known not to be inside exec. */
  imageNow(pid: number): Image | undefined {
    this.#others.mayBlock(pid);
    return this.#readImage(pid);
  }

  #readImage(pid: number): Image | undefined {
    const image = readImage(pid);
    if (image) this.#others.rememberImage(pid, image);
    return image;
  }

  nowTicks(): number {
    return bootTicks();
  }

  map(pid: number, isChanging: boolean): readonly Vma[] | undefined {
    return this.#maps.map(pid, isChanging);
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
    const info = threadInfo(tid);
    if (info === "gone") return undefined;
    return info ? new InfoIds(tid, info) : readStatusIds(tid);
  }

  /** No signal is sent: what is asked is whether `tid` is a thread of process `tid`. */
  isProcess(tid: number): boolean {
    return libcTgkill(tid, tid, 0) === 0;
  }

  hasThread(pid: number, tid: number): boolean {
    const fd = openForReading(AT_FDCWD, threadPath(pid, tid));
    if (fd >= 0) libcClose(fd);
    return fd >= 0;
  }

  progress(pid: number, tid: number): Progress | undefined {
    return this.#others.mayBlock(pid) ? readProgressAtOnce(pid, tid) : readProgress(pid, tid);
  }

  children(pid: number): readonly number[] {
    const threads = ifReadable(() => listThreads(pid)) ?? [];
    return threads.flatMap((tid) => {
      const text = ifReadable(() => longPromptText(pid, "children", tid)) ?? "";
      return text.split(" ").filter(Boolean).map(Number);
    });
  }

  pids(): readonly number[] {
    return listProcesses();
  }

  sharesMemory(pid: number, other: number): boolean {
    const mayBlock = this.#others.mayBlock(pid) || this.#others.mayBlock(other);
    return (!mayBlock || areAlike(pid, other)) && this.#compareMemory(pid, other) === 0;
  }

  hasLeft(lender: number, tid: number, pid: number): boolean {
    if (this.#others.mayBlockBeside(lender) || this.#others.mayBlockBeside(pid)) return false;
    // A thread that has exited has another "memory" than everybody: it had its own when it was compared, if it has it still.
    return this.#kcmp(tid, pid) > 0 && (hasRobustFutexes(tid) || threadWithMemory(lender) === tid);
  }

  /** 0 when it is one, 1 to 3 when there are two, -1 when one of the processes is gone, or `pid` has none. */
  #compareMemory(pid: number, other: number): number {
    const order = this.#kcmp(pid, other);
    if (order <= 0) return order;
    // A thread that has exited has another "memory" than everybody.
    const thread = threadWithMemory(pid);
    if (thread === pid) return order;
    return thread === undefined ? -1 : this.#kcmp(thread, other);
  }

  /** kcmp(2) of two threads. */
  #kcmp(tid: number, other: number): number {
    return libcSyscall(this.#sysKcmp, tid, other, KCMP_VM, 0, 0);
  }

  isZero(pid: number, fd: number): boolean {
    return descriptorLink(pid, fd) === "/dev/zero";
  }

  memoryFile(pid: number, fd: number): MemoryFile | undefined {
    return memoryFileOf(pid, fd);
  }

  memoryFiles(pid: number): readonly MemoryFile[] {
    return this.#others.mayBlock(pid) ? this.#others.files(pid) : readMemoryFiles(pid);
  }

  namedMemoryFiles(): ReadonlyMap<string, number> {
    return namedMemoryFiles();
  }

  segments(): readonly Segment[] {
    const lines =
      ifReadable(() => readLongText("/proc/sysvipc/shm"))
        ?.split("\n")
        .slice(1) ?? [];
    return lines.filter(Boolean).map((line) => {
      const [key, id, , size, creator] = line.trim().split(/\s+/).map(Number);
      return { key: key! >>> 0, id: id!, creator: creator!, pages: Math.ceil(size! / PAGE_SIZE) };
    });
  }
}

function readStatusIds(tid: number): Ids | undefined {
  return ifReadable(() => {
    const text = promptText(tid, "status");
    const [ruid, euid] = statusNumbers(text, "Uid");
    const filtered = statusNumbers(text, "Seccomp")[0] === SECCOMP_MODE_FILTER;
    return { pid: statusNumbers(text, "Tgid")[0]!, ruid: ruid!, euid: euid!, filtered };
  });
}

/** Ids without a look at `status`, which is taken only by who wants to know about the filter. */
class InfoIds implements Ids {
  readonly pid: number;
  readonly ruid: number;
  readonly euid: number;
  readonly #tid: number;

  constructor(tid: number, { pid, ruid, euid }: ThreadInfo) {
    this.pid = pid;
    this.ruid = ruid;
    this.euid = euid;
    this.#tid = tid;
  }

  get filtered(): boolean {
    return readStatusIds(this.#tid)?.filtered === true;
  }
}

/** Whether two may have one memory, told by what waits for nobody: one inside exec has another than before, with next to nothing in it. */
function areAlike(pid: number, other: number): boolean {
  const [a, b] = [sizeOf(pid), sizeOf(other)];
  if (!a || !b || a.total < BEGINNING) return false;
  return a.total === b.total && a.data === b.data && a.resident === b.resident;
}
