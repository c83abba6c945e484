import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";

export interface WatchdogData {
  readonly port: MessagePort;
  /** One Int32: how many pings were answered. */
  readonly pongs: SharedArrayBuffer;
  /** Where the accountant's thread shows that it turns: of a Pulse. */
  readonly accountant: Int32Array;
  /** Where it says why it has ended the process. */
  readonly log: string;
}

/** A daemon that has just begun has nothing that somebody could wait for, and other things to do. */
const BEGIN_MS = 300;

/**
 * Ends this process by SIGKILL when its main thread does not turn any more ({@link Wedge}), or its accountant's thread does not, so that the keeper starts another. A
 * process that is stopped is not replaced: whoever has stopped it could have killed it. Started a moment later; keeps nothing
 * running.
 */
export function startWatchdog(log: string, accountant: Int32Array): { close(): Promise<void> } {
  const pongs = new SharedArrayBuffer(4);
  const counter = new Int32Array(pongs);
  const { port1, port2 } = new MessageChannel();
  let worker: Worker | undefined;
  const timer = setTimeout(() => {
    const data: WatchdogData = { port: port2, pongs, accountant, log };
    worker = new Worker(new URL("./watchdog-thread.js", import.meta.url), {
      workerData: data,
      transferList: [port2],
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
    });
    worker.unref();
    // Without a watchdog the daemon does all it is there for.
    worker.on("error", (error) => process.stderr.write(`lyonnais: the watchdog has ended: ${error.message}\n`));
  }, BEGIN_MS);
  timer.unref();
  port1.on("message", (pings: number) => void Atomics.store(counter, 0, pings));
  port1.unref();
  return {
    async close() {
      clearTimeout(timer);
      port1.close();
      await worker?.terminate();
    },
  };
}
