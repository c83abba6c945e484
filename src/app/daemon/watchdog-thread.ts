/** The thread that watches the main thread; see watchdog.ts. It calls nothing that can wait for anybody. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { workerData } from "node:worker_threads";
import { parseSchedstat } from "../../core/abi/text/schedstat.ts";
import { parseStat } from "../../core/abi/text/stat.ts";
import type { WatchdogData } from "./watchdog.ts";
import { type Glance, LOOK_MS, Wedge } from "./wedge.ts";

const { port, pongs, log } = workerData as WatchdogData;
const task = `/proc/self/task/${process.pid}`;
const counter = new Int32Array(pongs);

try {
  // What `ps -L` shows; and that it has begun.
  writeFileSync("/proc/thread-self/comm", "watchdog");
} catch {
  // It watches all the same.
}

function glance(): Glance {
  const { ranNs, slices } = parseSchedstat(readFileSync(`${task}/schedstat`, "latin1"));
  const { state } = parseStat(readFileSync(`${task}/stat`, "latin1"));
  const sleepsIn = readFileSync(`${task}/wchan`, "latin1");
  return { ranNs, slices, state, sleepsIn, pongs: Atomics.load(counter, 0) };
}

const wedge = new Wedge();
for (let pings = 0; ; await pause(LOOK_MS)) {
  const { reason, ping } = wedge.look(glance(), pings);
  if (reason !== undefined) {
    try {
      appendFileSync(log, `lyonnais: watchdog: ${reason}; ending the daemon, its keeper starts another\n`);
    } catch {
      // It is to end all the same.
    }
    process.kill(process.pid, "SIGKILL");
  }
  if (!ping) continue;
  pings++;
  port.postMessage(pings);
}
