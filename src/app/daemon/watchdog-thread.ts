/** The thread that watches the main thread and the accountant's; see watchdog.ts. It calls nothing that can wait for anybody. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { workerData } from "node:worker_threads";
import { parseSchedstat } from "../../core/abi/text/schedstat.ts";
import { parseStat } from "../../core/abi/text/stat.ts";
import { Pulse } from "../../host/linux/pulse.ts";
import type { WatchdogData } from "./watchdog.ts";
import { DecisionWedge, type Glance, LOOK_MS, Wedge } from "./wedge.ts";

const { port, pongs, accountant, log } = workerData as WatchdogData;
const counter = new Int32Array(pongs);

try {
  // What `ps -L` shows; and that it has begun.
  writeFileSync("/proc/thread-self/comm", "watchdog");
} catch {
  // It watches all the same.
}

function glance(tid: number): Omit<Glance, "pongs"> {
  const task = `/proc/self/task/${tid}`;
  const { ranNs, slices } = parseSchedstat(readFileSync(`${task}/schedstat`, "latin1"));
  const { state } = parseStat(readFileSync(`${task}/stat`, "latin1"));
  const sleepsIn = readFileSync(`${task}/wchan`, "latin1");
  return { ranNs, slices, state, sleepsIn };
}

const pulse = new Pulse(accountant);
const decisions = new DecisionWedge();

/** The reason to end the process, if it is the accountant's thread that hangs. */
function lookAtAccountant(): string | undefined {
  const { tid, turn } = pulse;
  if (tid === 0) return undefined;
  try {
    return decisions.look(glance(tid), turn);
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}

const wedge = new Wedge();
for (let pings = 0; ; await pause(LOOK_MS)) {
  const { reason: hangs, ping } = wedge.look({ ...glance(process.pid), pongs: Atomics.load(counter, 0) }, pings);
  const reason = hangs ?? lookAtAccountant();
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
