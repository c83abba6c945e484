import { readFileSync } from "node:fs";
import { isErrno } from "../core/base/errno.ts";
import { filterSelf, reserveDescriptor } from "../host/accountant/self-filter.ts";
import { become, takeInherited } from "../host/linux/become.ts";
import { findCommand } from "../host/linux/find-command.ts";
import { askDaemon } from "./daemon/client.ts";
import { formatRunWord, parseRunAnswer } from "./daemon/run-word.ts";

/** Bytes, or Infinity. */
export interface RunLimits {
  readonly soft: number;
  readonly hard: number;
  /** Of the tree of processes the command becomes. */
  readonly budget: number;
}

/**
 * Becomes the command, under accounting: same pid, terminal, descriptors and signals. Returns only by an Errno: ENOENT and EACCES
 * are the command's, before anything has changed; false when no daemon could be started.
 */
export async function run(
  command: readonly string[],
  { soft, hard, budget }: RunLimits,
  start: () => Promise<void>,
): Promise<false> {
  const inherited = takeInherited();
  const path = findCommand(command[0]!);
  const reserved = reserveDescriptor();
  const answer = await askDaemon(formatRunWord({ pid: process.pid, fd: reserved, soft, hard, budget }), start);
  if (answer === undefined) return false;
  const accountant = parseRunAnswer(answer);
  if (accountant !== undefined) filterSelf(reserved, accountant);
  return become(path, command, inherited, hardOpenFiles());
}

/** The hard limit of open files, which Node has left as it was. */
function hardOpenFiles(): bigint {
  const [, hard] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
  return hard === undefined || hard === "unlimited" ? 0xffff_ffff_ffff_ffffn : BigInt(hard);
}

/** Exit code of a command that could not be started, as env(1) has it. */
export function startFailure(error: unknown): number {
  return isErrno(error, "ENOENT") ? 127 : 126;
}
