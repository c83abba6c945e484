import { closeSync, openSync } from "node:fs";
import { isErrno } from "../../core/base/errno.ts";
import type { Descriptors } from "../../host/linux/descriptors.ts";

const NAME = "limits";

/**
 * There is to be a keeper, and so a next daemon, before anything else has to be kept: who logs in while none runs would be left out.
 * `false`: that is over. Rejects as {@link Descriptors.hold}.
 */
export async function keepDaemon(descriptors: Descriptors, isNeeded: boolean): Promise<void> {
  if (!isNeeded) {
    descriptors.drop(NAME);
    return;
  }
  const fd = openSync("/dev/null", "r");
  try {
    await descriptors.hold(NAME, fd);
  } catch (error) {
    // It is, since before, or by the daemon before this one.
    if (!isErrno(error, "EEXIST")) throw error;
  } finally {
    closeSync(fd);
  }
}
