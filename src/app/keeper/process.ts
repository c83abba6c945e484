import { once } from "node:events";
import { closeSync } from "node:fs";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { SOCK_STREAM, socketPair } from "../../host/linux/descriptor-message.ts";
import { openPidfd, type ProcessWatch, watchPidfd } from "../../host/linux/watch-process.ts";
import { spawnShellApart } from "../daemon/spawn-apart.ts";
import { openLog } from "../private-file.ts";
import type { Inheritance } from "./inheritance.ts";
import { KEEPER_SCRIPT, KEEPER_VARIABLE, type Patience, ROLES } from "./script.ts";

/** Carries the script, so that a list of processes shows a name and not the script. */
const SCRIPT_VARIABLE = "LYONNAIS_KEEPER_SCRIPT";
const RUN_SCRIPT = `script=$${SCRIPT_VARIABLE}; unset ${SCRIPT_VARIABLE}; eval "$script"`;

/** Keeper and guard, as far as they are there, as the daemon sees them. */
export interface KeeperPair {
  /** One of the two has ended, or was never there. */
  readonly broken: Promise<void>;
  /** Both have ended. */
  readonly ended: Promise<void>;
  kill(): void;
  /** Looks after them no more: the promises stay open. */
  forget(): void;
}

interface Member {
  readonly ended: Promise<void>;
  kill(): void;
  forget(): void;
}

export interface KeeperSetting {
  /** What it starts when the daemon has died: program and arguments. */
  readonly command: readonly string[];
  /** Where it, and what it starts, say what is wrong. */
  readonly log: string;
  readonly patience: Patience;
}

/** Starts both, each in a session of its own, which have `ends` and `lock` from their first moment. ENOENT, EAGAIN. */
export async function startKeeperPair(
  setting: KeeperSetting,
  ends: readonly [number, number],
  lock: number,
): Promise<KeeperPair> {
  const life = socketPair(SOCK_STREAM);
  const guardLife = socketPair(SOCK_STREAM);
  const closeOurs = (): void => [life[0], guardLife[0]].forEach(closeSync);
  const errors = openLog(setting.log);
  let guard: Member | undefined;
  let pidfd = -1;
  try {
    const guardChild = await startShell("guard", setting, [errors, ...ends, lock, guardLife[1]]);
    guard = watched(openPidfd(guardChild));
    pidfd = openPidfd(guardChild);
    const keeperChild = await startShell("keeper", setting, [errors, ...ends, lock, life[1], guardLife[0], pidfd]);
    const pair = pairOf(watched(openPidfd(keeperChild)), guard);
    // They take the ends of these sockets for ours.
    return { ...pair, ended: pair.ended.then(closeOurs) };
  } catch (error) {
    guard?.kill();
    guard?.forget();
    closeOurs();
    throw error;
  } finally {
    for (const fd of [errors, life[1], guardLife[1], pidfd]) if (fd >= 0) closeSync(fd);
  }
}

/** The pair that started this process, or what is left of it. */
export function inheritedPair({ keeperPid, guard }: Pick<Inheritance, "keeperPid" | "guard">): KeeperPair {
  const pair = pairOf(parentKeeper(keeperPid), guard && watched(guard.pidfd));
  return guard ? { ...pair, ended: pair.ended.then(() => closeSync(guard.life)) } : pair;
}

/** The process id of a child that is not waited for yet: it cannot be another's. */
async function startShell(
  role: keyof typeof ROLES,
  { command, patience }: KeeperSetting,
  descriptors: readonly number[],
): Promise<number> {
  const { [KEEPER_VARIABLE]: _, ...environment } = process.env;
  const patienceArguments = [String(patience.perMinute), String(patience.atOnce)];
  const child = spawnShellApart(
    ["-c", RUN_SCRIPT, `lyonnais-${role}`, ROLES[role], ...patienceArguments, ...command],
    { ...environment, [SCRIPT_VARIABLE]: KEEPER_SCRIPT },
    ["ignore", "ignore", ...descriptors],
  );
  if (child.pid === undefined) {
    const [error] = (await once(child, "error")) as [Error];
    throw new Errno("ENOENT", `/bin/sh, which is to keep descriptors, cannot be started: ${error.message}`, error);
  }
  child.unref();
  return child.pid;
}

/** The keeper that started this process; undefined when it has gone. */
function parentKeeper(pid: number): Member | undefined {
  try {
    const keeper = watched(openPidfd(pid));
    // As long as it is the parent the number is its own, and it was when the watch began.
    if (process.ppid === pid) return keeper;
    keeper.forget();
  } catch (error) {
    if (!isErrno(error, "ESRCH")) throw error;
  }
  return undefined;
}

function watched(pidfd: number): Member {
  let watch!: ProcessWatch;
  const ended = new Promise<void>((resolve) => {
    watch = watchPidfd(pidfd, resolve);
  });
  return { ended, kill: watch.kill, forget: watch.close };
}

function pairOf(...members: readonly (Member | undefined)[]): KeeperPair {
  const there = members.filter((member) => member !== undefined);
  const ends = there.map(({ ended }) => ended);
  return {
    broken: there.length < members.length ? Promise.resolve() : Promise.race(ends),
    ended: Promise.all(ends).then(() => {}),
    kill: () => there.forEach((member) => void member.kill()),
    forget: () => there.forEach((member) => void member.forget()),
  };
}
