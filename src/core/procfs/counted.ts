import type { Caller } from "../vfs/caller.ts";
import type { Handle } from "../vfs/node.ts";
import { type Outcome, Parked } from "../vfs/parked.ts";
import { perform, type Steps, step } from "../vfs/steps.ts";
import type { Quotas } from "./quotas.ts";

/** What `open` makes, counted for whoever opens it until it is closed, with what it holds. EMFILE. */
export function counted(quotas: Quotas, opener: Caller, open: () => Outcome<Handle>): Outcome<Handle> {
  const release = quotas.file(opener);
  const handOver = (handle: Handle): Handle => {
    const free = claimBytes(quotas, opener, handle);
    const close = (): void => {
      free();
      release();
      handle.close?.();
    };
    return { ...handle, close };
  };
  try {
    const opened = open();
    return opened instanceof Parked ? perform(handOverLater(opened, release, handOver)) : handOver(opened);
  } catch (error) {
    release();
    throw error;
  }
}

function claimBytes(quotas: Quotas, opener: Caller, handle: Handle): () => void {
  try {
    return quotas.bytes(opener, handle.memo?.length ?? 0);
  } catch (error) {
    handle.close?.();
    throw error;
  }
}

function* handOverLater(
  opened: Parked<Handle>,
  release: () => void,
  handOver: (handle: Handle) => Handle,
): Steps<Handle> {
  try {
    return handOver(yield* step(opened));
  } catch (error) {
    release();
    throw error;
  }
}
