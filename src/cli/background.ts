import { once } from "node:events";
import { closeSync, writeSync } from "node:fs";
import { nodeErrno } from "../app/node-errno.ts";
import { NODE_FLAGS } from "../app/node-flags.ts";
import { stateFile } from "./state-file.ts";

/** The descriptor by which a server says that it is there. */
const READY_FD = 3;
const READY_VARIABLE = "LYONNAIS_READY";
const BACKGROUND = "background";

/** How this process was started; not for its children, whose descriptor 3 is another. */
const started = process.env[READY_VARIABLE];
delete process.env[READY_VARIABLE];

/** Whether this process was started by {@link startInBackground}. */
export function isInBackground(): boolean {
  return started === BACKGROUND;
}

/** In the background, standard error goes to the log from here on, so that nobody waits for its end. */
export async function tellReady(): Promise<void> {
  if (started === undefined) return;
  if (isInBackground()) {
    const { redirectErrorsTo } = await import("../app/redirect-errors.ts");
    redirectErrorsTo(stateFile("server.log"));
  }
  writeSync(READY_FD, "ready\n");
  closeSync(READY_FD);
}

/** This user's daemon, which goes when it is of no use; `args` are options of `daemon`. */
export function startDaemonInBackground(...args: readonly string[]): Promise<void> {
  return startInBackground(["daemon", "-f", ...args]);
}

/**
 * Starts a command of ours in a session of its own; resolves once it is ready, or has ended and said why. It is the child of
 * a shell that ends at once and has been waited for: the program that this process may become finds no child but its own.
 */
async function startInBackground(args: readonly string[]): Promise<void> {
  const { spawnShellApart } = await import("../app/daemon/spawn-apart.ts");
  const child = spawnShellApart(
    ["-c", '"$@" &', "lyonnais", process.execPath, ...NODE_FLAGS, process.argv[1]!, ...args],
    { ...process.env, [READY_VARIABLE]: BACKGROUND },
    ["ignore", "ignore", "inherit", "pipe"],
  );
  const ready = child.stdio[READY_FD]!;
  ready.once("data", () => ready.destroy());
  try {
    await Promise.all([once(child, "exit"), once(ready, "close")]);
  } catch (error) {
    throw nodeErrno(error);
  }
}
