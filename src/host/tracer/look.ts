import type { Tid } from "../../core/base/brand.ts";
import { Errno } from "../../core/base/errno.ts";
import type { Peek } from "../../core/trace/observer.ts";
import type { Parked } from "../../core/vfs/parked.ts";

/** A look at a stopped thread whose result ends `parked`: `act` is done if `allow`, asked in that moment, does not throw. */
export function lookFor<T>(parked: Parked<T>, allow: (tid: Tid) => void, act: (tid: Tid) => T): Peek {
  return {
    act: (tid) => {
      if (parked.ended) return () => {};
      try {
        allow(tid);
        const seen = act(tid);
        return () => parked.settle(seen);
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        return () => parked.fail(error);
      }
    },
    fail: (error) => parked.fail(error),
  };
}
