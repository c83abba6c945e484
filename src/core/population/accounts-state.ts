import type { SwapLedger } from "../charges/swap-ledger.ts";
import type { UidInfos } from "../charges/uidinfo.ts";
import type { Grants } from "../grants/grants.ts";
import type { Recorder } from "../grants/records.ts";
import type { SharedObjects } from "../grants/shared-objects.ts";
import type { Targets } from "../space/ports.ts";
import type { AccountedProcess } from "../space/process.ts";
import type { UidAccounts } from "./uid-accounts.ts";
import type { Witness } from "./witness.ts";

/** The parts of the accounts that work on processes share these. `Accounts` creates them and owns them. */
export interface AccountsState {
  readonly targets: Targets;
  readonly ledger: SwapLedger;
  readonly uids: UidInfos;
  readonly figures: UidAccounts;
  readonly objects: SharedObjects;
  readonly grants: Grants;
  readonly recorder: Recorder;
  readonly witness: Witness;
}

export interface PopulationObserver {
  /** A process was registered. The observer has to call `Population.exited` when the process exits. */
  arrived(process: AccountedProcess): void;
  /** A process has left its space, which is not released yet: the observer may register an unknown process that shares it. */
  left(process: AccountedProcess): void;
}
