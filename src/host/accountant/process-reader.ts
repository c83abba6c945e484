import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { AT_FDCWD, AT_STATX_DONT_SYNC } from "../../core/abi/fcntl.ts";
import { STATX_MASK_NLINK, STATX_MASK_UID_GID, STATX_NLINK, STATX_SIZE, STATX_UID } from "../../core/abi/statx.ts";
import type { Image, MemoryFile } from "../../core/space/ports.ts";
import { libcStatx } from "../linux/ffi/libc.ts";
import { processPath, procPath } from "../linux/proc-file.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import { DescriptorReads } from "./descriptor-reads.ts";
import type { MapReader } from "./map-cache.ts";
import type { MapSnapshot } from "./map-snapshot.ts";
import type { Descriptor } from "./memory-file.ts";
import type { OtherUsersProcesses } from "./other-users-processes.ts";
import { type Found, READER_READY, type Wanted } from "./process-reader-messages.ts";
import { unpack } from "./vma-codec.ts";

/** A thread that has not answered by then is held up: another one takes its place. */
const STUCK_MS = 300;
/** For so long the process that has held a thread up is not read. */
const AVOIDED_MS = 10_000;
/** A thread that was refused is asked for again after this. */
const DEMAND_MS = 1000;
/** Image and files of a process are read again when they are older than this and somebody asks. */
const AGAIN_MS = 20;
/** When so many processes are remembered, the exited ones are forgotten. */
const MOST_SEEN = 4096;
/** The link count of a /proc/pid/task with one thread in it. */
const ONE_THREAD = 3;

const statx = Buffer.alloc(STATX_SIZE);
const euid = process.geteuid!();

function hasOneThread(pid: number): boolean {
  const path = procPath(pid, "task");
  if (libcStatx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_MASK_NLINK, statx) !== 0) return false;
  return statx.readUInt32LE(STATX_NLINK) === ONE_THREAD;
}

/** What was read last of a process of another user. */
interface Seen {
  image: Image | undefined;
  files: readonly MemoryFile[];
  /** It is not read again before: milliseconds of performance.now(); Infinity while it is being read. */
  until: number;
}

/**
 * Has processes read by another thread, one after the other, since the owner of a process can make the read block. A thread that is held up
 * is replaced; the old one ends when its read returns.
 */
export class ProcessReader implements MapReader, OtherUsersProcesses {
  /** The thread whose call is being decided, 0 for none: it waits for us, so it is in no exec and no page fault. */
  caller = 0;
  readonly #arrived: (pid: number, snapshot: MapSnapshot | undefined, ms: number) => void;
  readonly #needThread: () => void;
  readonly #alarm: Alarm;
  #port: MessagePort | undefined;
  readonly #descriptors = new DescriptorReads((pid, fd) => this.#want({ pid, isMap: false, fd }));
  /** What is to be read. The first entry is with the thread while {@link #isAsking}. */
  readonly #queue: Wanted[] = [];
  /** By pid. */
  readonly #seen = new Map<number, Seen>();
  /** The thread has begun to serve. */
  #isReady = false;
  /** The thread is reading. */
  #isAsking = false;
  /** No thread is asked for before: milliseconds of performance.now(). */
  #demandAgain = 0;
  /** Whether the process that {@link mayBlock} was last asked about is of our own uid. */
  #isOwn = true;
  /** Processes that have held a thread up, by pid, and until when they are not read: milliseconds of performance.now(). */
  readonly #avoided = new Map<number, number>();

  /**
   * `needThread` asks for a thread, or for another one; {@link use} takes its port. `arrived` gets the map that {@link ask} asked for and
   * how many milliseconds the read took; undefined where it failed.
   */
  constructor(
    alarms: Alarms,
    needThread: () => void,
    arrived: (pid: number, snapshot: MapSnapshot | undefined, ms: number) => void,
  ) {
    this.#alarm = alarms.make(() => this.#giveUp());
    this.#needThread = needThread;
    this.#arrived = arrived;
  }

  mayBlock(pid: number): boolean {
    if (libcStatx(AT_FDCWD, processPath(pid), AT_STATX_DONT_SYNC, STATX_MASK_UID_GID, statx) !== 0) return true;
    // An owner who is our own user could stop this daemon as well.
    this.#isOwn = statx.readUInt32LE(STATX_UID) === euid;
    if (this.#isOwn) return false;
    // Its only thread waits for our answer, so the process is in no exec and no page fault.
    return pid !== this.caller || !hasOneThread(pid);
  }

  mayBlockBeside(pid: number): boolean {
    // Under the filters of an ordinary user there is nobody who would want to keep that user waiting.
    return euid === 0 && !hasOneThread(pid) && this.mayBlock(pid);
  }

  image(pid: number): Image | undefined {
    return this.#recall(pid)?.image;
  }

  files(pid: number): readonly MemoryFile[] {
    return this.#recall(pid)?.files ?? [];
  }

  descriptor(pid: number, fd: number): Descriptor | undefined {
    return this.#descriptors.of(this.caller, pid, fd);
  }

  /** The call of that thread is decided. */
  decided(caller: number): void {
    this.#descriptors.decided(caller);
  }

  rememberImage(pid: number, image: Image): void {
    if (this.#isOwn) return;
    const seen = this.#seen.get(pid);
    if (seen) seen.image = image;
    else this.#seen.set(pid, { image, files: [], until: 0 });
  }

  /** What was read last of a process, empty at first. Asks for a new read if that is old. */
  #recall(pid: number): Seen {
    let seen = this.#seen.get(pid);
    if (!seen) {
      if (this.#seen.size >= MOST_SEEN) this.#forgetEnded();
      seen = { image: undefined, files: [], until: 0 };
      this.#seen.set(pid, seen);
    }
    const now = performance.now();
    if (now >= seen.until) seen.until = this.#want({ pid, isMap: false }) ? Number.POSITIVE_INFINITY : now + AGAIN_MS;
    return seen;
  }

  #forgetEnded(): void {
    for (const pid of this.#seen.keys()) {
      if (libcStatx(AT_FDCWD, processPath(pid), AT_STATX_DONT_SYNC, STATX_MASK_UID_GID, statx) !== 0) this.forget(pid);
    }
  }

  /** The process has exited. */
  forget(pid: number): void {
    this.#seen.delete(pid);
    this.#avoided.delete(pid);
    this.#descriptors.forget(pid);
  }

  ask(pid: number): boolean {
    return this.#want({ pid, isMap: true });
  }

  #want(wanted: Wanted): boolean {
    const { pid } = wanted;
    const until = this.#avoided.get(pid);
    if (until !== undefined) {
      if (performance.now() < until) return false;
      this.#avoided.delete(pid);
    }
    // A decision may wait for these.
    const isUrgent = wanted.isMap || wanted.fd !== undefined;
    if (isUrgent) this.#queue.splice(this.#isAsking ? 1 : 0, 0, wanted);
    else this.#queue.push(wanted);
    if (!this.#port) this.#demandThread();
    this.#next();
    return true;
  }

  /** Takes the port of a thread that is being started, in place of the last one. */
  use(port: MessagePort): void {
    this.#port?.close();
    this.#port = port;
    this.#isReady = false;
    this.#isAsking = false;
  }

  #next(): void {
    const [first] = this.#queue;
    if (first === undefined || !this.#port || !this.#isReady || this.#isAsking) return;
    this.#alarm.at = performance.now() + STUCK_MS;
    this.#isAsking = true;
    this.#port.postMessage(first);
  }

  /** Takes the results that have come. To be called when the bell rings. */
  receive(): void {
    for (let next = this.#port && receiveMessageOnPort(this.#port); next; next = receiveMessageOnPort(this.#port!)) {
      this.#isReady = true;
      if (next.message === READER_READY) continue;
      this.#isAsking = false;
      this.#alarm.at = Number.POSITIVE_INFINITY;
      this.#queue.shift();
      this.#take(next.message as Found);
    }
    this.#next();
  }

  #take(found: Found): void {
    const { pid } = found;
    if (found.kind === "map") {
      const { size, map, ms } = found;
      this.#arrived(pid, { size, vmas: map && unpack(map) }, ms);
    } else if (found.kind === "descriptor") this.#descriptors.arrived(pid, found.fd, found.descriptor);
    else if (found.kind === "failed" && found.fd !== undefined) this.#descriptors.arrived(pid, found.fd);
    else if (found.kind === "failed" && found.isMap) this.#arrived(pid, undefined, 0);
    else {
      const seen = this.#seen.get(pid);
      // A process that cannot be read is not taken for exited.
      const { image, files } = found.kind === "process" ? found : (seen ?? { image: undefined, files: [] });
      if (!image) this.#seen.delete(pid);
      else if (seen) Object.assign(seen, { image, files, until: performance.now() + AGAIN_MS });
    }
  }

  /** Asks for a thread. That may be refused while too many are held up, so it is asked for again after a while. */
  #demandThread(): void {
    const now = performance.now();
    if (now < this.#demandAgain) return;
    this.#demandAgain = now + DEMAND_MS;
    this.#needThread();
  }

  /** The first read of the queue has taken too long: its thread is held up. */
  #giveUp(): void {
    const { pid, isMap, fd } = this.#queue.shift()!;
    const seen = this.#seen.get(pid);
    if (seen) seen.until = 0;
    this.#avoided.set(pid, performance.now() + AVOIDED_MS);
    this.#port?.close();
    this.#port = undefined;
    this.#isAsking = false;
    this.#demandAgain = 0;
    if (this.#queue.length > 0) this.#demandThread();
    if (isMap) this.#arrived(pid, undefined, STUCK_MS);
    if (fd !== undefined) this.#descriptors.arrived(pid, fd);
  }

  close(): void {
    this.#port?.close();
  }
}
