import { AT_FDCWD } from "../../core/abi/fcntl.ts";
import { statusNumbers } from "../../core/abi/text/status.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import {
  type Ids,
  type Image,
  type MemoryFile,
  NOT_YET,
  type Progress,
  type Segment,
  type Targets,
  type Vma,
} from "../../core/space/ports.ts";
import { bootTicks } from "../linux/boot-ticks.ts";
import { openForReading } from "../linux/descriptor-reserve.ts";
import { libcClose, libcSyscall, libcTgkill } from "../linux/ffi/libc.ts";
import { readLongText } from "../linux/file.ts";
import { hostArch } from "../linux/host-arch.ts";
import { listProcesses, listThreads, longPromptText, promptText, threadPath } from "../linux/proc-file.ts";
import { hasRobustFutexes, type ThreadInfo, threadInfo } from "../linux/thread-info.ts";
import { MapCache } from "./map-cache.ts";
import { sizeOf } from "./map-snapshot.ts";
import { type Descriptor, namedMemoryFiles, readDescriptor, UNREADABLE } from "./memory-file.ts";
import { ALL_OWN, type OtherUsersProcesses } from "./other-users-processes.ts";
import { readImage, readMemoryFiles, readProgress, readProgressAtOnce } from "./read-process.ts";
import { ifReadable, type Size, threadWithMemory } from "./sizes.ts";

const KCMP_VM = 1;
const SECCOMP_MODE_FILTER = 2;
/** A running program has more pages than this; an address space that exec is building has only a stack. */
const BEGINNING = 128;

/**
 * The machine as /proc and system calls show it. Of processes of other users, whose owners can make a read block, it returns what was read
 * last.
 */
export class LiveTargets implements Targets {
  readonly #sysKcmp: number = hostArch().sysKcmp;
  readonly #maps: MapCache;
  readonly #others: OtherUsersProcesses;
  /** The ids that were read during the present decision. */
  readonly #ids = new Map<number, Ids>();
  #remembersIds = false;

  constructor(maps: MapCache = new MapCache(), others: OtherUsersProcesses = ALL_OWN) {
    this.#maps = maps;
    this.#others = others;
  }

  image(pid: number): Image | undefined {
    return this.#others.mayBlock(pid) ? this.#others.image(pid) : this.#readImage(pid);
  }

  /** The image of a process that is known not to be inside exec, so that the read cannot block. */
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

  /** A decision begins or ends. Within one the ids of a thread are read once. */
  decides(begins: boolean): void {
    this.#remembersIds = begins;
    if (this.#ids.size > 0) this.#ids.clear();
  }

  ids(tid: number): Ids | undefined {
    const known = this.#ids.get(tid);
    if (known) return known;
    const ids = this.#readIds(tid);
    // A refusal asks several times, and each read takes longer than everything else of it.
    if (ids && this.#remembersIds) this.#ids.set(tid, ids);
    return ids;
  }

  #readIds(tid: number): Ids | undefined {
    const info = threadInfo(tid);
    if (info === "gone") return undefined;
    return info ? new InfoIds(tid, info) : readStatusIds(tid);
  }

  /** tgkill with signal 0 sends nothing; it succeeds when `tid` is a thread of process `tid`. */
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

  hasLeft(parent: number, tid: number, pid: number): boolean {
    if (this.#others.mayBlockBeside(parent) || this.#others.mayBlockBeside(pid)) return false;
    // kcmp says that an exited thread has another memory than every process. If the thread still has its memory now, it had it then.
    return this.#kcmp(tid, pid) > 0 && (hasRobustFutexes(tid) || threadWithMemory(parent) === tid);
  }

  /** 0: one address space. 1 to 3: two. -1: a process is gone, or `pid` has no address space any more. */
  #compareMemory(pid: number, other: number): number {
    const order = this.#kcmp(pid, other);
    if (order <= 0) return order;
    // kcmp says that an exited main thread has another memory than every process: then another thread is compared.
    const thread = threadWithMemory(pid);
    if (thread === pid) return order;
    return thread === undefined ? -1 : this.#kcmp(thread, other);
  }

  /** kcmp(2) of two threads. */
  #kcmp(tid: number, other: number): number {
    return libcSyscall(this.#sysKcmp, tid, other, KCMP_VM, 0, 0);
  }

  isZero(pid: number, fd: number): boolean {
    return this.#descriptor(pid, fd).isZero;
  }

  memoryFile(pid: number, fd: number): MemoryFile | undefined {
    return this.#descriptor(pid, fd).file;
  }

  /** While it is read on the other thread, NOT_YET where the decision can wait; else as a descriptor that nobody can read: charged. */
  #descriptor(pid: number, fd: number): Descriptor {
    if (!this.#others.mayBlock(pid)) return readDescriptor(pid, fd);
    const descriptor = this.#others.descriptor(pid, fd);
    if (descriptor) return descriptor;
    if (this.#maps.mayWait) throw NOT_YET;
    return UNREADABLE;
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

/** Ids by PIDFD_GET_INFO. Only `filtered` needs a read of /proc/tid/status, which is done when it is asked for. */
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

/**
 * Whether two processes may share an address space, by reads that never block: their figures are the same. A process inside exec, for which
 * kcmp would block, has a new address space with almost nothing in it.
 */
function areAlike(pid: number, other: number): boolean {
  const [a, b] = [sizeOf(pid), sizeOf(other)];
  if (!a || !b || a.total < BEGINNING) return false;
  return a.total === b.total && a.data === b.data && a.resident === b.resident;
}
