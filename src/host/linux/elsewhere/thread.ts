/** The program of a thread of the pool: does one job after the other, synchronously, and sleeps in between. */
import { type MessagePort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { Errno } from "../../../core/base/errno.ts";
import { tellLoaded } from "../worker-loaded.ts";
import { JOBS } from "./jobs.ts";
import type { Answer, Order } from "./lane.ts";

tellLoaded();

const { port, wake } = workerData as { readonly port: MessagePort; readonly wake: SharedArrayBuffer };
/** How many jobs were ever sent, and how many were begun. */
const counts = new Int32Array(wake);

function perform({ name, args }: Order): Answer {
  try {
    return { value: (JOBS[name] as (args: unknown) => unknown)(args) };
  } catch (error) {
    if (error instanceof Errno) return { code: error.code, reason: error.reason };
    return { bug: error instanceof Error ? String(error.stack) : String(error) };
  }
}

for (let done = 0; ; ) {
  Atomics.wait(counts, 0, done);
  for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
    done++;
    Atomics.store(counts, 1, done);
    port.postMessage(perform(next.message as Order));
  }
}
