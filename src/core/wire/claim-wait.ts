import type { Caller } from "../vfs/caller.ts";
import type { FileSystem } from "../vfs/node.ts";
import type { Parked } from "../vfs/parked.ts";

/** Claims the wait for what is not done yet: the result ends that. EAGAIN where the caller has too many, and it is interrupted. */
export function claimWait(fs: FileSystem | undefined, caller: Caller, parked: Parked<unknown>): () => void {
  if (!fs?.claims || parked.ended) return () => {};
  try {
    return fs.claims.waiting(caller);
  } catch (error) {
    parked.interrupt();
    throw error;
  }
}
