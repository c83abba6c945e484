import { readlinkSync } from "node:fs";
import { lockFile } from "../../host/linux/file-lock.ts";
import { nodeErrno } from "../node-errno.ts";

/** How long a daemon that is about to end is waited for, and how often it is looked whether it has. */
const LONGEST_WAIT_MS = 2000;
const LOOK_MS = 5;

function take(path: string): number | undefined {
  try {
    return lockFile(path);
  } catch (error) {
    throw nodeErrno(error);
  }
}

let held: number | undefined;

/**
 * Takes a lock that, unlike the right to be the daemon (`lock`, a descriptor), is this process's alone: false while another
 * process has it. Keeper and guard may each start a daemon when one of them dies in the same moment; only one can be it. Kept
 * until the process ends. ENOENT where the runtime directory has gone.
 */
export function isSoleDaemon(lock: number): boolean {
  const path = `${readlinkSync(`/proc/self/fd/${lock}`)}.sole`;
  const end = performance.now() + LONGEST_WAIT_MS;
  for (;;) {
    held ??= take(path);
    if (held !== undefined || performance.now() > end) return held !== undefined;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
  }
}
