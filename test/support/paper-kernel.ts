import type { TrappedCall } from "../../src/core/notify/notification.ts";
import type { Operation } from "../../src/core/notify/operation.ts";
import type { Image, Progress, Targets, Vma } from "../../src/core/notify/ports.ts";

interface PaperProcess {
  readonly pid: number;
  readonly ppid: number;
  uid: number;
  layout: string;
  /** Start page → pages, all of it accounted. */
  maps: Map<number, number>;
}

const NUMBERS: Partial<Record<Operation["kind"], number>> = { map: 9, fork: 57, vfork: 58, exec: 59 };

/** Processes on paper: a call that is let go happens when the test says so, and not before. */
export class PaperKernel implements Targets {
  readonly processes = new Map<number, PaperProcess>();
  /** Of other threads than the first, whose they are. */
  readonly threads = new Map<number, number>();
  /** By thread, what has been let go and has not happened. */
  readonly pending = new Map<number, Operation>();
  #nextPid = 100;
  #nextPage = 1000;

  spawn(uid: number, ppid = 1, layout = `image ${this.#nextPid}`, maps = new Map<number, number>()): PaperProcess {
    const process = { pid: this.#nextPid++, ppid, uid, layout, maps };
    this.processes.set(process.pid, process);
    return process;
  }

  call(tid: number, operation: Operation): TrappedCall {
    return { tid, number: NUMBERS[operation.kind] ?? 0, name: operation.kind, operation };
  }

  /** Whether it waits in vfork, for a child that has its memory still. */
  isWaiting(pid: number): boolean {
    return [...this.processes.values()].some((child) => child.ppid === pid && this.sharesMemory(pid, child.pid));
  }

  /** What is pending of `pid`'s only thread happens now; the child of a fork. */
  happen(pid: number): PaperProcess | undefined {
    const operation = this.pending.get(pid);
    const process = this.processes.get(pid);
    this.pending.delete(pid);
    if (!operation || !process) return undefined;
    if (operation.kind === "map") {
      process.maps.set(this.#nextPage, operation.pages);
      this.#nextPage += operation.pages + 1;
    } else if (operation.kind === "exec") {
      process.layout = `image ${this.#nextPid++}`;
      process.maps = new Map([[1, 5]]);
    } else if (operation.kind === "fork") {
      return this.spawn(process.uid, pid, process.layout, new Map(process.maps));
    } else if (operation.kind === "vfork") return this.spawn(process.uid, pid, process.layout, process.maps);
    return undefined;
  }

  /** Pages of a process, or of all of a uid's. */
  reserved(pid: number): number {
    return [...(this.processes.get(pid)?.maps.values() ?? [])].reduce((sum, pages) => sum + pages, 0);
  }

  ofUid(uid: number): number {
    const memories = new Set([...this.processes.values()].filter((each) => each.uid === uid).map(({ maps }) => maps));
    return [...memories].flatMap((maps) => [...maps.values()]).reduce((sum, pages) => sum + pages, 0);
  }

  image(pid: number): Image | undefined {
    const process = this.processes.get(pid);
    return process && { startTicks: pid, ppid: process.ppid, layout: process.layout, isHidden: false, startBrk: 0 };
  }

  map(pid: number): readonly Vma[] | undefined {
    const process = this.processes.get(pid);
    const rest = {
      accounted: true,
      accountable: true,
      dontCopy: false,
      stack: false,
      heap: false,
      named: false,
      hidden: false,
    };
    return (
      process &&
      [...process.maps].map(([start, pages]) => {
        return { start, end: start + pages, ...rest, object: undefined, objectPages: 0 };
      })
    );
  }

  size(pid: number): { total: number; data: number } | undefined {
    if (!this.processes.has(pid)) return undefined;
    return { total: this.reserved(pid), data: this.reserved(pid) };
  }

  ids(tid: number) {
    const pid = this.threads.get(tid) ?? tid;
    const process = this.processes.get(pid);
    return process && { pid, ruid: process.uid, euid: process.uid, filtered: true };
  }

  isProcess(tid: number): boolean {
    return this.processes.has(tid);
  }

  hasThread(pid: number, tid: number): boolean {
    return (this.threads.get(tid) ?? tid) === pid && this.processes.has(pid);
  }

  progress(pid: number): Progress | undefined {
    if (!this.processes.has(pid)) return undefined;
    return { running: this.pending.has(pid), call: undefined, cpuTime: 0, faults: 0 };
  }

  children(pid: number): readonly number[] {
    return [...this.processes.values()].filter(({ ppid }) => ppid === pid).map((each) => each.pid);
  }

  pids(): readonly number[] {
    return [...this.processes.keys()];
  }

  sharesMemory(pid: number, other: number): boolean {
    const maps = this.processes.get(pid)?.maps;
    return maps !== undefined && maps === this.processes.get(other)?.maps;
  }

  isZero(): boolean {
    return false;
  }

  memoryFile(): undefined {
    return undefined;
  }

  memoryFiles(): readonly never[] {
    return [];
  }

  segments(): readonly never[] {
    return [];
  }

  namedMemoryFiles(): ReadonlyMap<string, number> {
    return new Map();
  }
}
