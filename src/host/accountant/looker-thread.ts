/** A thread that reads maps for the accountant's, and may be kept waiting by what it reads. Started by looker-pool.ts. */
import { type MessagePort, workerData } from "node:worker_threads";
import { Bell } from "../linux/bell.ts";
import { lookAt } from "./look.ts";
import type { Found } from "./looker.ts";
import { LOOKER_READY } from "./looker-ready.ts";
import { pack } from "./vma-codec.ts";

export interface LookerData {
  readonly port: MessagePort;
  readonly bell: number;
  /** 1 while it reads, when it may not be able to end. */
  readonly busy: Int32Array;
}

const { port, bell: fd, busy } = workerData as LookerData;
const bell = new Bell(fd);

function find(pid: number): Found {
  const start = performance.now();
  Atomics.store(busy, 0, 1);
  try {
    const { size, vmas } = lookAt(pid);
    return { pid, size, map: vmas && pack(vmas), ms: performance.now() - start, failed: false };
  } catch {
    // It is judged by what is known of it.
    return {
      pid,
      size: { total: 0, data: 0, resident: 0 },
      map: undefined,
      ms: performance.now() - start,
      failed: true,
    };
  } finally {
    Atomics.store(busy, 0, 0);
  }
}

const tell = (message: Found | typeof LOOKER_READY, transfer: ArrayBuffer[] = []): void => {
  port.postMessage(message, transfer);
  bell.ring();
};

tell(LOOKER_READY);
port.on("message", (pid: number) => {
  const found = find(pid);
  tell(found, found.map ? [found.map.numbers.buffer as ArrayBuffer] : []);
});
