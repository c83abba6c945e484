import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Errno } from "../../core/base/errno.ts";
import { Job } from "../../core/space/job.ts";
import { libcClose } from "../linux/ffi/libc.ts";
import { awaitListener } from "./await-listener.ts";
import { Listener } from "./listener.ts";

const CHILD = fileURLToPath(new URL("./probe-child.js", import.meta.url));

/** Tries what `run` does: starts a process under the filter and copies its listener. Returns {@link Listener.handsOver}. Errno. */
export async function tryListener(): Promise<boolean> {
  const child = spawn(process.execPath, [CHILD], { stdio: ["pipe", "pipe", "ignore"] });
  try {
    child.stdin.on("error", () => {});
    const said = once(child.stdout, "data").then(String);
    const text = await Promise.race([said, once(child, "exit").then(() => undefined)]);
    if (text === undefined) throw new Errno("EIO", "a process that was to be filtered has ended");
    const taken = new Promise<number | undefined>((resolve) => awaitListener(child.pid!, Number(text), resolve));
    // A child that exits here makes no listener: `taken` resolves to undefined.
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
