/** What accounting needs to see of the machine. Pages everywhere; `undefined` where the process is gone. */

/** One mapping, /proc/pid/smaps. */
export interface Vma {
  readonly start: number;
  readonly end: number;
  /** VM_ACCOUNT: its whole length counts as reserved. */
  readonly accounted: boolean;
  /** It would be, were it writable: private, and neither without reservation nor of huge pages. */
  readonly accountable: boolean;
  /** VM_DONTCOPY: a child does not get it. */
  readonly dontCopy: boolean;
  readonly stack: boolean;
  readonly heap: boolean;
  /** Anonymous, and named by the program. */
  readonly named: boolean;
  /** Stands for all there is, and says nothing of where. */
  readonly hidden: boolean;
  /** Of shared memory that is no file on a disk: which object, and how many pages of it the mapping proves. */
  readonly object: string | undefined;
  readonly objectPages: number;
}

/** Tells one program in one process from the next: /proc/pid/stat. */
export interface Image {
  readonly startTicks: number;
  readonly ppid: number;
  /**
   * Where its code, stack and arguments lie: the same in a forked child, another after exec. Where it hides that, or exec has not
   * come so far, or it has exited, like no other's.
   */
  readonly layout: string;
  readonly isHidden: boolean;
  /** Address of the data segment; 0 where it cannot be told. */
  readonly startBrk: number;
}

export interface Ids {
  readonly pid: number;
  readonly ruid: number;
  readonly euid: number;
  /** Under a seccomp filter, whoever's. */
  readonly filtered: boolean;
}

/** Where a thread is. */
export interface Progress {
  /** On a processor, or about to be: in a call or not. */
  readonly running: boolean;
  /** The number of the call it sleeps in. */
  readonly call: number | undefined;
  /** Nanoseconds it has had of a processor. */
  readonly cpuTime: number;
  /** Page faults it has had. */
  readonly faults: number;
}

export interface MemoryFile {
  readonly key: string;
  /** The uid it belongs to. */
  readonly owner: number;
  readonly pages: number;
}

export interface Segment {
  readonly id: number;
  readonly key: number;
  readonly creator: number;
  readonly pages: number;
}

/**
 * Thrown by {@link Targets.map} while the map is being read elsewhere. Only from within a decision that may wait, which is then to be
 * made again: nothing may have been granted before a map is asked for.
 */
export const NOT_YET: Error = new Error("the map is being looked at");

/** What `look` finds; undefined where it would have to wait: for who cannot be asked again. */
export function ifMapIsThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error !== NOT_YET) throw error;
    return undefined;
  }
}

export interface Targets {
  image(pid: number): Image | undefined;
  /** What an image of a process that begins now has as `startTicks`, or a little more. */
  nowTicks(): number;
  /**
   * Every mapping: exact, and slow; neighbours that are charged alike may be one. Of one that hides them the length only, as one.
   * Undefined also where the map cannot be had in time: what is known of the space remains.
   * `isChanging`: calls that were let go may still change it.
   */
  map(pid: number, isChanging: boolean): readonly Vma[] | undefined;
  /** Total and data pages: quick; they differ when the mappings have changed. */
  size(pid: number): { readonly total: number; readonly data: number } | undefined;
  /** Of the thread's process. */
  ids(tid: number): Ids | undefined;
  /** Whether `tid` is known to be a process's own number: cheaper than {@link ids}. False says nothing. */
  isProcess(tid: number): boolean;
  hasThread(pid: number, tid: number): boolean;
  progress(pid: number, tid: number): Progress | undefined;
  /** Children of all its threads. */
  children(pid: number): readonly number[];
  /** Every process there is. */
  pids(): readonly number[];
  /** Whether both have one address space: as after vfork. */
  sharesMemory(pid: number, other: number): boolean;
  /**
   * Whether process `pid`, which calls, has another memory by now than `lender`, whose thread `tid` has lent it its own and has not been
   * allowed to exec. False also where that is not certain, or cannot be had at once.
   */
  hasLeft(lender: number, tid: number, pid: number): boolean;
  /** Whether a descriptor is /dev/zero, which shared is anonymous memory. */
  isZero(pid: number, fd: number): boolean;
  /** The file behind a descriptor, where it is memory that no disk backs. */
  memoryFile(pid: number, fd: number): MemoryFile | undefined;
  /** All files of that kind which the process has open. */
  memoryFiles(pid: number): readonly MemoryFile[];
  segments(): readonly Segment[];
  /** Pages of a memory file by its path below /dev/shm, by key; those that have no name left are absent. */
  namedMemoryFiles(): ReadonlyMap<string, number>;
}
