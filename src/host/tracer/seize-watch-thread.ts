/** The program of the thread that watches PTRACE_SEIZE, see seize-watch.ts. Calls only what returns. */
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { SIGINFO_SIZE } from "../../core/abi/signal.ts";
import { isZombie, stateOf, statusField } from "../../core/abi/text/status.ts";
import { P_PID, WALL, WEXITED, WNOHANG } from "../../core/abi/wait.ts";
import { libcWaitid } from "../linux/ffi/libc.ts";
import { ifThere, listThreads, promptText } from "../linux/proc-file.ts";
import { beginWorker } from "../linux/worker-loaded.ts";
import { forgetCulprit, recordCulprit, WATCH } from "./seize-watch-facts.ts";

/** After how long a call is looked into, and how often from then on. */
const LOOK_MS = 20;
/** After how long the process is recorded: sooner than anybody else, the daemon's watchdog above all, ends the server for it. */
const SUSPECT_MS = 400;
/** After how long a call is given up, and the server with it. */
const GIVE_UP_MS = 2000;

beginWorker();

const { state, life, record } = workerData as {
  readonly state: SharedArrayBuffer;
  readonly life: SharedArrayBuffer;
  readonly record: string | undefined;
};
const words = new Int32Array(state);
const siginfo = new Uint8Array(SIGINFO_SIZE);

/** An exec waits for the other threads to be collected, and those that we trace only we can collect: any thread of ours. */
function collectDeadThreads(pid: number): void {
  for (const tid of ifThere(() => listThreads(pid)) ?? []) {
    const text = ifThere(() => promptText(pid, "status", tid));
    if (text === undefined || !isZombie(stateOf(text)) || statusField(text, "TracerPid") !== String(process.pid))
      continue;
    // Its end alone: a stop is for the tracer to see.
    libcWaitid(P_PID, tid, siginfo, WEXITED | WNOHANG | WALL);
  }
}

for (;;) {
  const turn = Atomics.load(words, WATCH.turn);
  if (turn % 2 === 0) {
    Atomics.wait(words, WATCH.turn, turn);
    continue;
  }
  const begin = performance.now();
  let isRecorded = false;
  while (Atomics.wait(words, WATCH.turn, turn, LOOK_MS) === "timed-out") {
    const pid = Atomics.load(words, WATCH.pid);
    collectDeadThreads(pid);
    const waited = performance.now() - begin;
    if (record !== undefined && !isRecorded && waited >= SUSPECT_MS) {
      recordCulprit(record, { pid, life: Number(new BigInt64Array(life)[0]) });
      isRecorded = true;
    }
    if (waited < GIVE_UP_MS) continue;
    writeSync(2, `lyonnais: process ${pid} did not let itself be attached to for ${GIVE_UP_MS} ms: this server ends\n`);
    process.kill(process.pid, "SIGKILL");
  }
  if (record !== undefined && isRecorded) forgetCulprit(record);
}
