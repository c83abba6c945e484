/** The program of the thread that reads start times, see life-reader.ts. */
import { workerData } from "node:worker_threads";
import { parseStat } from "../../core/abi/text/stat.ts";
import { isErrno } from "../../core/base/errno.ts";
import { FAILED, GONE, type LifeReaderData, WORDS } from "./life-reader-facts.ts";
import { ifThere, waitingText } from "./proc-file.ts";
import { beginWorker } from "./worker-loaded.ts";

beginWorker();

const { words, result } = workerData as LifeReaderData;

function startTicks(pid: number): number {
  try {
    const text = ifThere(() => waitingText(pid, "stat"));
    return text === undefined ? GONE : parseStat(text).startTicks;
  } catch (error) {
    if (!isErrno(error)) throw error;
    return FAILED;
  }
}

Atomics.store(words, WORDS.ready, 1);
Atomics.notify(words, WORDS.ready);
for (let turn = 0; ; ) {
  Atomics.wait(words, WORDS.wanted, turn);
  turn = Atomics.load(words, WORDS.wanted);
  Atomics.store(words, WORDS.begun, turn);
  result[0] = startTicks(Atomics.load(words, WORDS.pid));
  Atomics.store(words, WORDS.done, turn);
  Atomics.notify(words, WORDS.done);
}
