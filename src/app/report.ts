import { openSync, statSync } from "node:fs";
import { Errno, isErrno } from "../core/base/errno.ts";
import { PAGE_SIZE } from "../core/base/size.ts";
import type { Period, Summary } from "../core/history/summary.ts";
import { Supply } from "../host/accountant/supply.ts";
import { summarize } from "../host/history/read-history.ts";
import { nodeErrno } from "./node-errno.ts";
import { openPrivate } from "./private-file.ts";

export { localTime } from "../host/history/local-time.ts";

/** What this machine has, memory and swap: bytes. */
export function machineBytes(): number {
  const supply = new Supply();
  return (supply.pageCount + supply.swapTotal) * PAGE_SIZE;
}

/**
 * What a period was like, from the files of history in `dir`, which are this user's own, or from `copy`: a directory or one file, whoever's. No
 * daemon is asked. ENOENT where there is none, EPERM.
 */
export async function reportOf(dir: string, copy: string | undefined, period: Period): Promise<Summary> {
  try {
    if (copy !== undefined) return await summarize(copy, period, openSync);
    statSync(dir);
    return await summarize(dir, period, openPrivate);
  } catch (error) {
    const known = nodeErrno(error);
    if (copy !== undefined || !isErrno(known, "ENOENT")) throw known;
    throw new Errno(
      "ENOENT",
      `no history is kept in ${dir} yet: a daemon begins when a command runs under lyonnais run`,
    );
  }
}
