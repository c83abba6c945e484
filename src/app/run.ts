import { setTimeout as pause } from "node:timers/promises";
import { isErrno } from "../core/base/errno.ts";
import { Offer } from "../host/accountant/handshake.ts";
import { allowTracer } from "../host/accountant/self-filter.ts";
import { become, ignoreEarly } from "../host/linux/become.ts";
import { findCommand } from "../host/linux/find-command.ts";
import { lastArguments, takeInherited, variable } from "../host/linux/inherited.ts";
import { openFileLimit } from "../host/linux/probes.ts";
import { askDaemon } from "./daemon/client.ts";
import { formatRunWord, isToListen } from "./daemon/run-word.ts";

/** How many daemons are asked: a keeper replaces fewer without a pause. */
const TRIES = 5;
const PAUSE_MS = 20;

/** Bytes, or Infinity. */
export interface RunLimits {
  readonly soft: number;
  readonly hard: number;
  /** Of the tree of processes the command becomes. */
  readonly budget: number;
  /** Whether calls that a signal interrupts are to be repaired. */
  readonly repair: boolean;
  /** What its job is called. */
  readonly name?: string | undefined;
}

/**
 * Becomes the command, which is this process's last `words` arguments, under accounting: same pid, terminal, descriptors,
 * signals and environment. Returns only by an Errno: ENOENT and EACCES are the command's, before anything has changed; false when
 * no daemon could be started.
 */
export async function run(
  words: number,
  { soft, hard, budget, repair, name }: RunLimits,
  start: () => Promise<void>,
): Promise<false> {
  const inherited = takeInherited();
  ignoreEarly(inherited);
  const argv = lastArguments(words);
  const path = findCommand(argv[0]!, variable(inherited, "PATH"));
  const offer = new Offer();
  const ask = (): Promise<string | undefined> =>
    askDaemon((daemon) => {
      allowTracer(daemon);
      return formatRunWord({ pid: process.pid, fd: offer.place, end: offer.end, soft, hard, budget, repair, name });
    }, start);
  const answer = await persistently(ask);
  if (answer === undefined) return false;
  if (isToListen(answer)) offer.accept(repair);
  else offer.withdraw();
  return become(path, argv, inherited, openFileLimit("hard"));
}

/** Asks again when the daemon has gone while it was asked: its successor has heard nothing of us. */
async function persistently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (!isErrno(error, "EIO") || tries === TRIES) throw error;
      // One that is ending takes connections for a moment longer.
      await pause(tries * PAUSE_MS);
    }
  }
}

/** Exit code of a command that could not be started, as env(1) has it. */
export function startFailure(error: unknown): number {
  return isErrno(error, "ENOENT") ? 127 : 126;
}
