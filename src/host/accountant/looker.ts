import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { AT_FDCWD, AT_STATX_DONT_SYNC } from "../../core/abi/fcntl.ts";
import { STATX_MASK_NLINK, STATX_MASK_UID_GID, STATX_NLINK, STATX_SIZE, STATX_UID } from "../../core/abi/statx.ts";
import { libcStatx } from "../linux/ffi/libc.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import type { Look } from "./look.ts";
import { LOOKER_READY } from "./looker-ready.ts";
import type { Asker } from "./looks.ts";
import type { Size } from "./sizes.ts";
import { type PackedMap, unpack } from "./vma-codec.ts";

/** A reader that has not come back by then is held up: another takes its place, and that process is not looked at for a while. */
const STUCK_MS = 300;
const AVOIDED_MS = 10_000;
const DEMAND_MS = 1000;
/** Links of a /proc/pid/task with one thread in it. */
const ONE_THREAD = 3;

/** What the looker's thread has found; `map` undefined: the process is gone. `failed`: it could not be read. */
export interface Found {
  readonly pid: number;
  readonly size: Size;
  readonly map: PackedMap | undefined;
  readonly ms: number;
  readonly failed: boolean;
}

const statx = Buffer.alloc(STATX_SIZE);
const euid = process.geteuid!();

/** Has maps read by a thread that may be kept waiting by whoever owns what it reads, one after the other. */
export class Looker implements Asker {
  /** The thread whose call is being decided: it cannot begin anything while it is. */
  caller = 0;
  readonly #arrived: (pid: number, look: Look | undefined, ms: number) => void;
  readonly #needThread: () => void;
  readonly #alarm: Alarm;
  #port: MessagePort | undefined;
  /** The first one is asked for as soon as there is a thread. */
  readonly #queue: number[] = [];
  /** Whether the thread has begun, and whether it is at work. */
  #isReady = false;
  #isAsking = false;
  #demandAgain = 0;
  readonly #avoided = new Map<number, number>();

  /** `needThread` asks for a thread, or for another one; {@link use} takes it. */
  constructor(
    alarms: Alarms,
    needThread: () => void,
    arrived: (pid: number, look: Look | undefined, ms: number) => void,
  ) {
    this.#alarm = alarms.make(() => this.#giveUp());
    this.#needThread = needThread;
    this.#arrived = arrived;
  }

  mayBlock(pid: number): boolean {
    const path = `/proc/${pid}`;
    if (libcStatx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_MASK_UID_GID, statx) !== 0) return true;
    // Who could keep us waiting could as well end us.
    if (statx.readUInt32LE(STATX_UID) === euid) return false;
    if (pid !== this.caller) return true;
    // Its only thread is in our hands, so that it is neither in exec nor in a fault.
    if (libcStatx(AT_FDCWD, `${path}/task`, AT_STATX_DONT_SYNC, STATX_MASK_NLINK, statx) !== 0) return true;
    return statx.readUInt32LE(STATX_NLINK) !== ONE_THREAD;
  }

  ask(pid: number): boolean {
    const until = this.#avoided.get(pid);
    if (until !== undefined) {
      if (performance.now() < until) return false;
      this.#avoided.delete(pid);
    }
    this.#queue.push(pid);
    if (!this.#port) this.#demandThread();
    this.#next();
    return true;
  }

  /** Takes the end of a thread that is being started. */
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

  /** Takes what has been found. To be called when the bell rings. */
  receive(): void {
    for (let next = this.#port && receiveMessageOnPort(this.#port); next; next = receiveMessageOnPort(this.#port!)) {
      this.#isReady = true;
      if (next.message === LOOKER_READY) continue;
      const { pid, size, map, ms, failed } = next.message as Found;
      this.#isAsking = false;
      this.#alarm.at = Number.POSITIVE_INFINITY;
      this.#queue.shift();
      this.#arrived(pid, failed ? undefined : { size, vmas: map && unpack(map) }, ms);
    }
    this.#next();
  }

  /** It may be refused, when too many are held up: then it is asked for again after a while. */
  #demandThread(): void {
    const now = performance.now();
    if (now < this.#demandAgain) return;
    this.#demandAgain = now + DEMAND_MS;
    this.#needThread();
  }

  /** The first one is not there in time: its thread is held up. */
  #giveUp(): void {
    const pid = this.#queue.shift()!;
    this.#avoided.set(pid, performance.now() + AVOIDED_MS);
    this.#port?.close();
    this.#port = undefined;
    this.#isAsking = false;
    this.#demandAgain = 0;
    if (this.#queue.length > 0) this.#demandThread();
    this.#arrived(pid, undefined, STUCK_MS);
  }

  close(): void {
    this.#port?.close();
  }
}
