/**
 * What accounting needs to see of the machine. All sizes and addresses are pages, unless said otherwise. A result is undefined where the
 * process or thread is gone, or does not let itself be read. Unexpected errors are thrown as Errno.
 */

/** One VMA of an address space, as /proc/pid/smaps shows it: pages [start, end). */
export interface Vma {
  readonly start: number;
  readonly end: number;
  /** VM_ACCOUNT (`ac`): its whole length counts as reserved. */
  readonly accounted: boolean;
  /** It would count as reserved if it were writable: private, without MAP_NORESERVE, no huge pages. */
  readonly accountable: boolean;
  /** VM_DONTCOPY (`dc`): a forked child does not get it. */
  readonly dontCopy: boolean;
  /** VM_GROWSDOWN (`gd`): page faults make it grow. */
  readonly stack: boolean;
  /** The kernel shows it as [heap]: part of the data segment. */
  readonly heap: boolean;
  /** Anonymous, with a name given by PR_SET_VMA_ANON_NAME: the kernel does not show such a part of the data segment as [heap]. */
  readonly named: boolean;
  /** The process hides its map: this one VMA stands for all of its memory, its length is true and its place is not. */
  readonly hidden: boolean;
  /** The key of the shared object that is mapped: anonymous, System V or a memory file. Undefined for every other VMA. */
  readonly object: string | undefined;
  /** How many pages that object has at least: offset and length of the mapping. */
  readonly objectPages: number;
}

/** What tells one program of one process from the next one, as /proc/pid/stat shows it. */
export interface Image {
  /** When the process began: clock ticks since boot. */
  readonly startTicks: number;
  readonly ppid: number;
  /**
   * The addresses of code, stack and arguments: the same in a forked child, another one after exec. Unlike that of every other process
   * where the process hides them, exec has not set them yet, or the process has exited.
   */
  readonly layout: string;
  /** What the kernel calls the program, one character a byte; absent where nobody has looked. */
  readonly name?: string;
  /** The process hides its addresses, or is inside exec. */
  readonly isHidden: boolean;
  /** The address in bytes where the data segment begins; 0 where it cannot be told. */
  readonly startBrk: number;
}

/** Who a thread acts as. */
export interface Ids {
  /** Its process. */
  readonly pid: number;
  readonly ruid: number;
  readonly euid: number;
  /** It is under a seccomp filter; whose filter that is cannot be told. */
  readonly filtered: boolean;
}

/** How far a thread has come. */
export interface Progress {
  /** It is on a processor or in the run queue, in a system call or not. */
  readonly running: boolean;
  /** The number of the system call in which it sleeps; undefined where it does not, or does not let it be read. */
  readonly call: number | undefined;
  /** Processor time that it has used: nanoseconds. */
  readonly cpuTime: number;
  /** Page faults that it has had. */
  readonly faults: number;
}

/** A file whose pages are memory: memfd, POSIX shared memory. */
export interface MemoryFile {
  /** Names the file: device and inode. */
  readonly key: string;
  /** The uid that owns it. */
  readonly owner: number;
  /** Its size, or its allocated blocks where these are more. */
  readonly pages: number;
}

/** A System V shared memory segment, as /proc/sysvipc/shm shows it. */
export interface Segment {
  readonly id: number;
  /** 0 for IPC_PRIVATE, and for a segment that was removed while it was attached. */
  readonly key: number;
  /** The pid of the process that created it. */
  readonly creator: number;
  readonly pages: number;
}

/**
 * Thrown by {@link Targets.map} while another thread reads the map, and only where the caller has said that it can be asked again. It makes
 * its decision again when the map is there, so nothing may have been charged before the map is asked for.
 */
export const NOT_YET: Error = new Error("the map is being read");

/** What `read` returns; undefined where it throws NOT_YET: for a caller that cannot be asked again. */
export function ifMapIsThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error !== NOT_YET) throw error;
    return undefined;
  }
}

/** The processes of the machine, read only. No method waits for a process of another user. */
export interface Targets {
  /** Undefined also for a process of another user whose image has not been read yet. */
  image(pid: number): Image | undefined;
  /** The `startTicks` of a process that begins now, or a little more. */
  nowTicks(): number;
  /**
   * All VMAs in order of address. Exact and slow. Neighbours that are charged alike may be one VMA; a process that hides its map has one
   * `hidden` VMA. Undefined also where the map cannot be had in time: the caller goes on with what it knows. `isChanging`: calls of the
   * process were allowed that may still change the map, so the result is not to be used again later. NOT_YET.
   */
  map(pid: number, isChanging: boolean): readonly Vma[] | undefined;
  /** Total and data pages (/proc/pid/statm). Quick. One of them differs when mappings have come or gone. */
  size(pid: number): { readonly total: number; readonly data: number } | undefined;
  /** Process and uids of a thread. */
  ids(tid: number): Ids | undefined;
  /** Whether `tid` is surely the main thread of a process, so that it is a pid: cheaper than {@link ids}. False says nothing. */
  isProcess(tid: number): boolean;
  /** Whether process `pid` has that thread. */
  hasThread(pid: number, tid: number): boolean;
  /** How far a thread has come; undefined also for a zombie. */
  progress(pid: number, tid: number): Progress | undefined;
  /** The children of all threads of a process. The kernel may leave some out while others exit. */
  children(pid: number): readonly number[];
  /** The pids of all processes of the machine. */
  pids(): readonly number[];
  /** Whether both processes have one address space, as after vfork. False also where that cannot be told. */
  sharesMemory(pid: number, other: number): boolean;
  /**
   * Whether process `pid`, which waits in a call, surely has left the address space of `parent`, whose thread `tid` created it by vfork and
   * has not been allowed to exec since. False also where that is not certain, or cannot be told at once.
   */
  hasLeft(parent: number, tid: number, pid: number): boolean;
  /** Whether a descriptor is /dev/zero: a shared mapping of that is anonymous memory. */
  isZero(pid: number, fd: number): boolean;
  /** The memory file behind a descriptor; undefined for every other file. */
  memoryFile(pid: number, fd: number): MemoryFile | undefined;
  /** All memory files that a process has open. */
  memoryFiles(pid: number): readonly MemoryFile[];
  /** All System V segments. */
  segments(): readonly Segment[];
  /** The sizes of the files in /dev/shm, by their keys. A file without a name is not among them. */
  namedMemoryFiles(): ReadonlyMap<string, number>;
}
