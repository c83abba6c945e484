import { NOT_YET, type Vma } from "../../core/space/ports.ts";
import { type MapSnapshot, readSnapshot, sizeOf } from "./map-snapshot.ts";
import type { Size } from "./sizes.ts";

/** The map of a process with at most so many resident pages is read on this thread: the kernel walks every resident page for smaps. */
const SMALL = 8192;
/** A map that took longer than this the last time is read on the other thread, however small: milliseconds. */
const QUICK_MS = 5;

/** Reads maps on another thread, which may block. */
export interface MapReader {
  /** Begins to read the map of `pid`; {@link MapCache.arrived} is called when it is there. False: it cannot be read now. */
  ask(pid: number): boolean;
  /** Whether a read of the map of `pid` may block, since its owner can hold the locks of its memory. */
  mayBlock(pid: number): boolean;
}

interface CachedMap extends MapSnapshot {
  /** How long the read took: milliseconds. */
  readonly ms: number;
  /** A call that may change the map has been answered `continue` since the read began. */
  isStale: boolean;
  /** How often it may be used again. Finite where calls were under way when the read began: then once for each caller that waited. */
  usesLeft: number;
}

/** A map that is being read on the other thread. */
interface PendingMap {
  /** A call of the process was answered `continue` meanwhile. */
  continued: boolean;
  readonly isChanging: boolean;
  /** How many callers wait for it. */
  waiters: number;
}

const isSame = (a: Size, b: Size): boolean => a.total === b.total && a.data === b.data;

/**
 * The last map of each process. It is used again while total and data pages of `statm` are the same and no call was answered `continue`
 * since that may have changed the map. (A change without a trapped call gives memory back, or shows in these figures.) A map that takes
 * long to read, or whose read may block, is read on another thread.
 */
export class MapCache {
  /** Whether the caller of {@link map} can ask again later. Then NOT_YET is thrown while the map is read on the other thread. */
  mayWait = false;
  readonly #reader: MapReader | undefined;
  readonly #cached = new Map<number, CachedMap>();
  readonly #pending = new Map<number, PendingMap>();

  /** Without a reader every map is read on this thread, at every call. */
  constructor(reader?: MapReader) {
    this.#reader = reader;
  }

  /**
   * The VMAs of a process; undefined where it is gone, or its map cannot be had now. `isChanging`: allowed calls may still change the map.
   * Then the result is not cached, even if `statm` stays the same: one call may add what another takes away. NOT_YET.
   */
  map(pid: number, isChanging: boolean): readonly Vma[] | undefined {
    if (!this.#reader) return readSnapshot(pid).vmas;
    const size = sizeOf(pid);
    if (!size) return undefined;
    const cached = this.#cached.get(pid);
    if (cached && !cached.isStale && isSame(cached.size, size)) {
      cached.isStale = --cached.usesLeft <= 0;
      return cached.vmas;
    }
    const mayBlock = this.#reader.mayBlock(pid);
    const isQuick = size.resident <= SMALL && (cached?.ms ?? 0) <= QUICK_MS;
    // A caller that cannot ask again gets a slow map now; a map whose read may block is never read here.
    if (!mayBlock && (isQuick || !this.mayWait)) return this.#readNow(pid, isChanging);
    let pending = this.#pending.get(pid);
    if (!pending) {
      if (!this.#reader.ask(pid)) return mayBlock ? undefined : this.#readNow(pid, isChanging);
      pending = { continued: false, isChanging, waiters: 0 };
      this.#pending.set(pid, pending);
    }
    pending.waiters++;
    if (this.mayWait) throw NOT_YET;
    return undefined;
  }

  #readNow(pid: number, isChanging: boolean): readonly Vma[] | undefined {
    const start = performance.now();
    const snapshot = readSnapshot(pid);
    this.#keep(pid, snapshot, {
      ms: performance.now() - start,
      isStale: isChanging,
      usesLeft: Number.POSITIVE_INFINITY,
    });
    return snapshot.vmas;
  }

  #keep(pid: number, snapshot: MapSnapshot, how: Pick<CachedMap, "ms" | "isStale" | "usesLeft">): void {
    if (snapshot.vmas) this.#cached.set(pid, { ...snapshot, ...how });
    else this.#cached.delete(pid);
  }

  /** The other thread has read the map in `ms` milliseconds; `snapshot` is undefined where it could not. */
  arrived(pid: number, snapshot: MapSnapshot | undefined, ms: number): void {
    const pending = this.#pending.get(pid);
    this.#pending.delete(pid);
    if (!pending || !snapshot) return;
    this.#keep(pid, snapshot, {
      ms,
      isStale: pending.continued,
      usesLeft: pending.isChanging ? pending.waiters : Number.POSITIVE_INFINITY,
    });
  }

  /** Whether no map is cached or being read, so that {@link continued} need not be called. */
  get isEmpty(): boolean {
    return this.#cached.size === 0 && this.#pending.size === 0;
  }

  /** A call of that process, or of one that shares its memory, is answered `continue`. */
  continued(pid: number): void {
    const cached = this.#cached.get(pid);
    if (cached) cached.isStale = true;
    const pending = this.#pending.size > 0 ? this.#pending.get(pid) : undefined;
    if (pending) pending.continued = true;
  }

  /** The process has exited. */
  forget(pid: number): void {
    this.#cached.delete(pid);
    this.#pending.delete(pid);
  }
}
