import { Errno } from "../../core/base/errno.ts";
import { closeOnExec } from "../../host/linux/close-on-exec.ts";
import { INHERITED, KEEPER_VARIABLE, ROLES, SURPLUS_STATUS } from "./script.ts";
import { isSoleDaemon } from "./sole-daemon.ts";

/** What a daemon has from the one before it. */
export interface Inheritance {
  readonly keeperPid: number;
  /** The keeper's guard: our copy of what it lives by, and its pidfd. undefined: it has none. */
  readonly guard: { readonly life: number; readonly pidfd: number } | undefined;
  /** Of the descriptor store. */
  readonly ends: readonly [number, number];
  /** The right to be this user's daemon. */
  readonly lock: number;
}

/**
 * In a process that a keeper has started, what it inherits; once, so that no child of it thinks the same of itself. A process
 * that is one too many, because two keepers have started one, ends here.
 */
export function takeInheritance(): Inheritance | undefined {
  const said = process.env[KEEPER_VARIABLE];
  if (said === undefined) return undefined;
  delete process.env[KEEPER_VARIABLE];
  const [keeper, role] = said.split(" ");
  const { sendEnd, receiveEnd, lock, guardLife: life, guard: pidfd } = INHERITED;
  const guard = role === ROLES.keeper ? { life, pidfd } : undefined;
  try {
    for (const fd of [sendEnd, receiveEnd, lock, ...(guard ? [life, pidfd] : [])]) closeOnExec(fd);
  } catch (error) {
    throw new Errno("EBADF", `${KEEPER_VARIABLE} is set, but no keeper started this process; unset it`, error);
  }
  if (!isSoleDaemon(lock)) process.exit(SURPLUS_STATUS);
  return { keeperPid: Number(keeper), guard, ends: [sendEnd, receiveEnd], lock };
}
