import { once } from "node:events";
import { closeSync } from "node:fs";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { SOCK_STREAM, socketPair } from "../../host/linux/descriptor-message.ts";
import { type ProcessWatch, watchProcess } from "../../host/linux/watch-process.ts";
import { spawnShellApart } from "../daemon/spawn-apart.ts";
import { openLog } from "../private-file.ts";
import { KEEPER_SCRIPT, KEEPER_VARIABLE, type Patience } from "./script.ts";

/** Carries the script, so that a list of processes shows a name and not the script. */
const SCRIPT_VARIABLE = "LYONNAIS_KEEPER_SCRIPT";
const RUN_SCRIPT = `script=$${SCRIPT_VARIABLE}; unset ${SCRIPT_VARIABLE}; eval "$script"`;

/** A keeper that runs, as the daemon sees it. */
export interface KeeperProcess {
  readonly ended: Promise<void>;
  kill(): void;
  /** Looks after it no more: `ended` stays open. */
  forget(): void;
}

export interface KeeperSetting {
  /** What it starts when the daemon has died: program and arguments. */
  readonly command: readonly string[];
  /** Where it, and what it starts, say what is wrong. */
  readonly log: string;
  readonly patience: Patience;
}

/** Starts a keeper in a session of its own, which has `ends` and `lock` from its first moment. ENOENT, EAGAIN. */
export async function startKeeperProcess(
  { command, log, patience }: KeeperSetting,
  ends: readonly [number, number],
  lock: number,
): Promise<KeeperProcess> {
  const [ours, theirs] = socketPair(SOCK_STREAM);
  const errors = openLog(log);
  const { [KEEPER_VARIABLE]: _, ...environment } = process.env;
  const patienceArguments = [String(patience.perMinute), String(patience.atOnce)];
  const child = spawnShellApart(
    ["-c", RUN_SCRIPT, "lyonnais-keeper", ...patienceArguments, ...command],
    { ...environment, [SCRIPT_VARIABLE]: KEEPER_SCRIPT },
    ["ignore", "ignore", errors, ...ends, lock, theirs],
  );
  closeSync(errors);
  closeSync(theirs);
  if (child.pid === undefined) {
    const [error] = (await once(child, "error")) as [Error];
    closeSync(ours);
    throw new Errno("ENOENT", `/bin/sh, which is to keep descriptors, cannot be started: ${error.message}`, error);
  }
  child.unref();
  try {
    // Nobody has waited for the child yet: its number cannot be another's.
    const keeper = watched(child.pid);
    // It takes the end of this socket for ours.
    return { ...keeper, ended: keeper.ended.then(() => closeSync(ours)) };
  } catch (error) {
    child.kill("SIGKILL");
    closeSync(ours);
    throw error;
  }
}

/** The keeper that started this process; undefined when it has gone. */
export function parentKeeper(pid: number): KeeperProcess | undefined {
  try {
    const keeper = watched(pid);
    // As long as it is the parent the number is its own, and it was when the watch began.
    if (process.ppid === pid) return keeper;
    keeper.forget();
  } catch (error) {
    if (!isErrno(error, "ESRCH")) throw error;
  }
  return undefined;
}

function watched(pid: number): KeeperProcess {
  let watch!: ProcessWatch;
  const ended = new Promise<void>((resolve) => {
    watch = watchProcess(pid, resolve);
  });
  return { ended, kill: watch.kill, forget: watch.close };
}
