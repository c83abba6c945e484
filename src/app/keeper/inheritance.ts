import { Errno } from "../../core/base/errno.ts";
import { closeOnExec } from "../../host/linux/close-on-exec.ts";
import { INHERITED, KEEPER_VARIABLE } from "./script.ts";

/** What a daemon has from the one before it. */
export interface Inheritance {
  readonly keeperPid: number;
  /** Of the descriptor store. */
  readonly ends: readonly [number, number];
  /** The right to be this user's daemon. */
  readonly lock: number;
}

/** In a process that a keeper has started, what it inherits; once, so that no child of it thinks the same of itself. */
export function takeInheritance(): Inheritance | undefined {
  const keeper = process.env[KEEPER_VARIABLE];
  if (keeper === undefined) return undefined;
  delete process.env[KEEPER_VARIABLE];
  const { sendEnd, receiveEnd, lock } = INHERITED;
  const keeperPid = Number(keeper);
  try {
    for (const fd of [sendEnd, receiveEnd, lock]) closeOnExec(fd);
  } catch (error) {
    throw new Errno("EBADF", `${KEEPER_VARIABLE} is set, but no keeper started this process; unset it`, error);
  }
  return { keeperPid, ends: [sendEnd, receiveEnd], lock };
}
