import type { SwapLimit } from "../space/limit.ts";
import type { AccountedProcess, RefusedCall } from "../space/process.ts";

/** Told of what those want to know who look back. In the middle of a decision: it is to be quick, and must not throw. */
export interface Witness {
  /** The process has come under accounting. */
  started(process: AccountedProcess): void;
  /** It has begun another program. */
  became(process: AccountedProcess): void;
  /** The process goes; what it has is charged still. */
  ended(process: AccountedProcess): void;
  refused(process: AccountedProcess, call: RefusedCall): void;
  /** A limit is another, pages: of `process PID`; `policy` and `overcommit BITS` have none of their own. */
  limited(what: string, limit: SwapLimit): void;
}

export const NO_WITNESS: Witness = {
  started: () => {},
  became: () => {},
  ended: () => {},
  refused: () => {},
  limited: () => {},
};
