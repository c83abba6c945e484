import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Errno } from "../../core/base/errno.ts";
import { Job } from "../../core/notify/job.ts";
import { libcClose } from "../linux/ffi/libc.ts";
import { awaitListener } from "./await-listener.ts";
import { Listener } from "./listener.ts";

const CHILD = fileURLToPath(new URL("./probe-child.js", import.meta.url));

/** Puts a process of its own under the filter and takes its listener, as `run` does. Whether answers hand the processor over. */
export async function tryListener(): Promise<boolean> {
  const child = spawn(process.execPath, [CHILD], { stdio: ["pipe", "pipe", "ignore"] });
  try {
    child.stdin.on("error", () => {});
    const said = once(child.stdout, "data").then(String);
    const text = await Promise.race([said, once(child, "exit").then(() => undefined)]);
    if (text === undefined) throw new Errno("EIO", "a process that was to be filtered has ended");
    const taken = new Promise<number | undefined>((resolve) => awaitListener(child.pid!, Number(text), resolve));
    // Where it ends now there is no listener, and that is told.
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
