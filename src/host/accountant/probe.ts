import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Errno } from "../../core/base/errno.ts";
import { Job } from "../../core/notify/job.ts";
import { libcClose } from "../linux/ffi/libc.ts";
import { Listener } from "./listener.ts";
import { takeDescriptor } from "./take-descriptor.ts";

const CHILD = fileURLToPath(new URL("./probe-child.js", import.meta.url));

/** Puts a process of its own under the filter and takes its listener, as `run` does. Whether answers hand the processor over. */
export async function tryListener(): Promise<boolean> {
  const child = spawn(process.execPath, [CHILD], { stdio: ["pipe", "pipe", "ignore"] });
  try {
    const [text] = (await Promise.race([once(child.stdout, "data"), once(child, "exit")])) as [unknown];
    const fd = Number(String(text));
    if (!Number.isInteger(fd)) throw new Errno("EIO", "a process that was to be filtered has ended");
    const taken = new Promise<number | undefined>((resolve) => takeDescriptor(child.pid!, fd, resolve));
    child.stdin.write("go\n");
    const listener = await taken;
    if (listener === undefined) throw new Errno("EIO", "a process could not put itself under a filter");
    const { handsOver } = new Listener(listener, 0, new Job(0));
    libcClose(listener);
    return handsOver;
  } finally {
    child.kill("SIGKILL");
  }
}
