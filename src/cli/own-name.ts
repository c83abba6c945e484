import { writeFileSync } from "node:fs";

/**
 * What ps(1), top(1), `status` and pkill(1) call this process: the name of its first thread, 15 bytes at most. Node gives that thread
 * a name of its own (`node`, from release 24 on `MainThread`), and `process.title` changes another thing there. It lasts
 * until the next execve(2). Where /proc may not be written the process is called what Node calls it.
 */
export function nameThisProcess(name: string): void {
  try {
    writeFileSync("/proc/self/comm", name);
  } catch {
    // A name is for people: nothing depends on it.
  }
}
