import type { SwapLedger } from "../charges/swap-ledger.ts";
import type { UidInfos } from "../charges/uidinfo.ts";
import type { Grants } from "./grants.ts";
import type { Targets } from "./ports.ts";
import type { AccountedProcess } from "./process.ts";
import type { Recorder } from "./records.ts";
import type { SharedObjects } from "./shared-objects.ts";
import type { UidAccounts } from "./uid-accounts.ts";

/** What the parts of the accounts have in common. */
export interface AccountsState {
  readonly targets: Targets;
  readonly ledger: SwapLedger;
  readonly uids: UidInfos;
  readonly figures: UidAccounts;
  readonly objects: SharedObjects;
  readonly grants: Grants;
  readonly recorder: Recorder;
}

export interface PopulationObserver {
  /** A process is new: `Population.exited` is to be told of its end. */
  arrived(process: AccountedProcess): void;
  /** A process has left its memory, which is not given back yet: it may show who has it still. */
  left(process: AccountedProcess): void;
}
