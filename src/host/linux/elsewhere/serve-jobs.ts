import { type MessagePort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { Errno } from "../../../core/base/errno.ts";
import { ownTid } from "../proc-file.ts";
import { beginWorker } from "../worker-loaded.ts";
import { READY } from "./kit.ts";
import type { Answer, Order } from "./lane.ts";

/** Bytes in a buffer of their own are transferred to the asking thread; everything else is copied. */
function owned(answer: Answer): ArrayBuffer[] {
  const value = "value" in answer ? answer.value : undefined;
  const isOwn = value instanceof Uint8Array && value.byteLength === value.buffer.byteLength && value.byteLength > 0;
  return isOwn ? [value.buffer as ArrayBuffer] : [];
}

/** The main loop of a pool's thread: does one job after the other, synchronously, and sleeps in between. */
export function serveJobs<Jobs extends object>(jobs: Jobs): never {
  beginWorker();
  const { port, wake } = workerData as { readonly port: MessagePort; readonly wake: SharedArrayBuffer };
  /** How many jobs were ever sent, how many were begun, and this thread's tid. */
  const counts = new Int32Array(wake);
  counts[2] = ownTid();
  const perform = ({ name, args }: Order): Answer => {
    try {
      return { value: (jobs[name as keyof Jobs] as (args: unknown) => unknown)(args) };
    } catch (error) {
      if (error instanceof Errno) return { code: error.code, reason: error.reason };
      return { bug: error instanceof Error ? String(error.stack) : String(error) };
    }
  };
  port.postMessage(READY);
  for (let done = 0; ; ) {
    Atomics.wait(counts, 0, done);
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
      done++;
      Atomics.store(counts, 1, done);
      const answer = perform(next.message as Order);
      port.postMessage(answer, owned(answer));
    }
  }
}
