import { NOT_YET, type Vma } from "../../core/notify/ports.ts";
import { type MapSnapshot, readSnapshot, sizeOf } from "./map-snapshot.ts";
import type { Size } from "./sizes.ts";

/** Of a process with so little in memory the map is read at once: pages. Reading takes time for each page that is there. */
const SMALL = 8192;
/** Unless it took so long when it was read last: milliseconds. */
const QUICK_MS = 5;

/** Reads maps on a thread that may wait. */
export interface MapReader {
  /** Has the map of `pid` read; {@link MapCache.arrived} is told. False: it cannot be had. */
  ask(pid: number): boolean;
  /** Whether a process of that pid can keep whoever reads its map. */
  mayBlock(pid: number): boolean;
}

interface CachedMap extends MapSnapshot {
  /** How long it took to read: milliseconds. */
  readonly ms: number;
  /** Whether a call that may change the map has been let go since it was asked for. */
  isStale: boolean;
  /** How often it may still be used: where calls were under way when it was asked for, only by those who waited for it. */
  usesLeft: number;
}

/** A map that is being read. */
interface PendingMap {
  continued: boolean;
  readonly isChanging: boolean;
  /** How many wait for it. */
  waiters: number;
}

const isSame = (a: Size, b: Size): boolean => a.total === b.total && a.data === b.data;

/**
 * The last look at each map. It is as good as a new one while the kernel's quick figures are the same and no call has been let go since
 * that may have changed the map. (What changes it without a call that is trapped gives memory back, or shows in the figures.) A map that
 * takes long to read, or whose owner can keep its reader waiting, is read elsewhere.
 */
export class MapCache {
  /** Whether whoever asks can ask again: then it is told NOT_YET where a map is being read elsewhere. */
  mayWait = false;
  readonly #reader: MapReader | undefined;
  readonly #cached = new Map<number, CachedMap>();
  readonly #pending = new Map<number, PendingMap>();

  /** Without an reader everything is read at once. */
  constructor(reader?: MapReader) {
    this.#reader = reader;
  }

  /**
   * The mappings; undefined for a process that is gone, or whose map cannot be had now. `isChanging`: calls that were let go may still
   * change it. Then what is read is not good for another time, though the quick figures should be the same: what one call adds and
   * another gives back is no difference.
   */
  map(pid: number, isChanging: boolean): readonly Vma[] | undefined {
    if (!this.#reader) return readSnapshot(pid).vmas;
    const size = sizeOf(pid);
    if (!size) return undefined;
    const known = this.#cached.get(pid);
    if (known && !known.isStale && isSame(known.size, size)) {
      known.isStale = --known.usesLeft <= 0;
      return known.vmas;
    }
    const mayBlock = this.#reader.mayBlock(pid);
    const isQuick = size.resident <= SMALL && (known?.ms ?? 0) <= QUICK_MS;
    // Whoever cannot wait any more has a slow map read here; nobody is kept by a stranger's.
    if (!mayBlock && (isQuick || !this.mayWait)) return this.#readNow(pid, isChanging);
    let asked = this.#pending.get(pid);
    if (!asked) {
      if (!this.#reader.ask(pid)) return mayBlock ? undefined : this.#readNow(pid, isChanging);
      asked = { continued: false, isChanging, waiters: 0 };
      this.#pending.set(pid, asked);
    }
    asked.waiters++;
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

  /** What was asked for is there, and took so long; `look` undefined: it cannot be had. */
  arrived(pid: number, snapshot: MapSnapshot | undefined, ms: number): void {
    const asked = this.#pending.get(pid);
    this.#pending.delete(pid);
    if (!asked || !snapshot) return;
    this.#keep(pid, snapshot, {
      ms,
      isStale: asked.continued,
      usesLeft: asked.isChanging ? asked.waiters : Number.POSITIVE_INFINITY,
    });
  }

  /** Whether there is nothing that a call which is let go could change. */
  get isEmpty(): boolean {
    return this.#cached.size === 0 && this.#pending.size === 0;
  }

  /** A call of that process, or of one that has its memory, is let go. */
  continued(pid: number): void {
    const known = this.#cached.get(pid);
    if (known) known.isStale = true;
    const asked = this.#pending.size > 0 ? this.#pending.get(pid) : undefined;
    if (asked) asked.continued = true;
  }

  forget(pid: number): void {
    this.#cached.delete(pid);
    this.#pending.delete(pid);
  }
}
