/** A thread that reads processes for the accountant's thread, and may block in that. Started by process-reader-pool.ts. */
import { type MessagePort, workerData } from "node:worker_threads";
import { Bell } from "../linux/bell.ts";
import { beginWorker } from "../linux/worker-loaded.ts";
import { readSnapshot } from "./map-snapshot.ts";
import { readDescriptor } from "./memory-file.ts";
import { type Found, READER_READY, type Wanted } from "./process-reader-messages.ts";
import { readImage, readMemoryFiles } from "./read-process.ts";
import { pack } from "./vma-codec.ts";

/** What the thread begins with. */
export interface ProcessReaderData {
  readonly port: MessagePort;
  readonly bell: number;
  /** 1 while the thread reads a process: then it may not be able to end. */
  readonly busy: Int32Array;
}

beginWorker();

const { port, bell: bellFd, busy } = workerData as ProcessReaderData;
const bell = new Bell(bellFd);

function find(wanted: Wanted): Found {
  const { pid, isMap, fd } = wanted;
  const start = performance.now();
  Atomics.store(busy, 0, 1);
  try {
    if (fd !== undefined) return { kind: "descriptor", pid, fd, descriptor: readDescriptor(pid, fd) };
    if (!isMap) return { kind: "process", pid, image: readImage(pid), files: readMemoryFiles(pid) };
    const { size, vmas } = readSnapshot(pid);
    return { kind: "map", pid, size, map: vmas && pack(vmas), ms: performance.now() - start };
  } catch {
    // The accounts go on with what they know of the process.
    return { kind: "failed", ...wanted };
  } finally {
    Atomics.store(busy, 0, 0);
  }
}

function tell(message: Found | typeof READER_READY, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
  bell.ring();
}

tell(READER_READY);
port.on("message", (wanted: Wanted) => {
  const found = find(wanted);
  tell(found, found.kind === "map" && found.map ? [found.map.numbers.buffer as ArrayBuffer] : []);
});
