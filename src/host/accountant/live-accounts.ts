import { statusNumbers } from "../../core/abi/text/status.ts";
import type { Pid } from "../../core/base/brand.ts";
import { Errno } from "../../core/base/errno.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import { SWAP_RESERVE_RLIMIT_ON, SwapLedger } from "../../core/charges/swap-ledger.ts";
import { overcommitOf } from "../../core/policy/policy.ts";
import type {
  Accounts,
  JobAccount,
  Limit,
  RefusedCall,
  SwapFigures,
  UidAccount,
  UnaccountedProcess,
} from "../../core/procfs/accounts-port.ts";
import type { Process } from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { mapOutcome, type Outcome, type Parked } from "../../core/vfs/parked.ts";
import { perform, type Steps, step } from "../../core/vfs/steps.ts";
import type { CallerIdentity } from "../linux/caller-identity.ts";
import type { Elsewhere } from "../linux/elsewhere/elsewhere.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { longPromptText } from "../linux/proc-file.ts";
import type { Accountant } from "./accountant.ts";
import { swapFigures } from "./figures.ts";
import { parseLimits } from "./limits-text.ts";
import type { MapJobs } from "./map-jobs.ts";
import type { Payment } from "./requests.ts";
import { restStamp } from "./rest-stamp.ts";
import { SharedTexts } from "./shared-texts.ts";
import { Supply } from "./supply.ts";
import { countUids } from "./uid-rows.ts";

const bytes = (pages: number): number => pages * PAGE_SIZE;

/** The deadline for a map with many thousand VMAs: milliseconds. */
const MAP_PATIENCE_MS = 10_000;

/** Without an accountant's thread nobody pays for anything. */
const UNPAID: Payment = { payer: undefined, foreign: new Float64Array(), objects: new Map() };

/** Texts with more foreign ranges and objects than this have no stamp: it would be too long. */
const MOST_COMPARED = 1000;

/** While this text is the same, so is that of the map: {@link restStamp}, and who pays. Undefined: cannot be told. */
function stampOf(pid: Pid, { payer, foreign, objects }: Payment): string | undefined {
  if (foreign.length + objects.size > MOST_COMPARED) return undefined;
  const rest = restStamp(pid);
  return rest && `${rest} ${payer} ${foreign.join()} ${[...objects].join()}`;
}

/** Puts a running process under the filter. `owner` is called with the listener while the process is stopped, and owns it. */
export type InstallFilter = (process: Process, caller: Caller, owner: (listener: number) => void) => Outcome<void>;

/** The accounts as the process file system shows them: asks the accountant's thread, if there is one. */
export class LiveAccounts implements Accounts {
  readonly owner: { readonly uid: number; readonly gid: number } = {
    uid: process.geteuid!(),
    gid: process.getegid!(),
  };
  readonly #accountant: Accountant;
  readonly #identity: CallerIdentity;
  readonly #maps: Elsewhere<MapJobs>;
  readonly #mapTexts = new SharedTexts();
  readonly #install: InstallFilter;

  constructor(accountant: Accountant, identity: CallerIdentity, maps: Elsewhere<MapJobs>, install: InstallFilter) {
    this.#maps = maps;
    this.#install = install;
    this.#accountant = accountant;
    this.#identity = identity;
  }

  settle(): Outcome<void> {
    return this.#accountant.askIfAny(undefined, "settle");
  }

  map(process: Process, caller: Caller): Outcome<Uint8Array> {
    return perform(this.#map(process as LiveProcess, caller));
  }

  *#map(process: LiveProcess, caller: Caller): Steps<Uint8Array> {
    const { pid } = process;
    const asked = yield* step(this.#accountant.askIfAny(UNPAID, "payment", pid));
    // A process without accounting: its real uid is shown as the payer of everything.
    const payment = { ...asked, payer: asked.payer ?? statusNumbers(process.statusText(), "Uid")[0] };
    const role = this.#identity.roleOf(caller);
    const job = { pid, role, payment };
    const text = this.#mapTexts.of(process, role === "own" ? role : `${role.uid} ${role.gid}`, {
      stamp: () => stampOf(pid, payment),
      read: () => this.#maps.do(process, caller, "mapText", job, { patience: MAP_PATIENCE_MS, own: "elsewhere" }),
    });
    return yield* step(text);
  }

  limits({ pid }: Process): Outcome<readonly Limit[]> {
    const others = parseLimits(longPromptText(pid, "limits"));
    return mapOutcome(this.#accountant.askIfAny(undefined, "limit", pid), (limit) => {
      const swap = { name: "swap", soft: bytes(limit?.soft ?? Infinity), hard: bytes(limit?.hard ?? Infinity) };
      return [...others, swap];
    });
  }

  setSwapLimit({ pid }: Process, caller: Caller, soft: number, hard: number): Outcome<void> {
    if (soft > hard) throw new Errno("EINVAL", "the soft limit is above the hard one");
    const limit = { soft: Math.floor(soft / PAGE_SIZE), hard: Math.floor(hard / PAGE_SIZE) };
    return this.#accountant.ask("setLimit", pid, limit, caller.uid === 0 && this.#identity.isOwn(caller));
  }

  refusals({ pid }: Process): Outcome<readonly RefusedCall[]> {
    return this.#accountant.askIfAny([], "refusals", pid);
  }

  swap(): Outcome<SwapFigures> {
    const overcommit = overcommitOf(this.#accountant.policy) ?? SWAP_RESERVE_RLIMIT_ON;
    const unused = new SwapLedger(Object.assign(new Supply(), { overcommit }));
    return this.#accountant.askIfAny(swapFigures(unused), "swap");
  }

  setOvercommit(caller: Caller, bits: number): Outcome<void> {
    if (!this.#identity.isOwn(caller)) throw new Errno("EPERM", `uid ${caller.uid} may not change the policy`);
    this.#needsDaemon();
    return this.#accountant.ask("setOvercommit", bits);
  }

  uids(): Outcome<readonly UidAccount[]> {
    return perform(this.#countUids());
  }

  *#countUids(): Steps<readonly UidAccount[]> {
    const { payers, accounted } = yield* step(this.#accountant.askIfAny({ payers: [], accounted: [] }, "uids"));
    return yield* step(countUids(payers, accounted));
  }

  counters(): Outcome<readonly string[]> {
    return this.#accountant.askIfAny([], "counters");
  }

  check(): Outcome<readonly string[]> {
    return this.#accountant.askIfAny([], "check");
  }

  jobs(): Outcome<readonly JobAccount[]> {
    return this.#accountant.askIfAny([], "jobs");
  }

  setJobLimit(caller: Caller, id: number, limit: number): Outcome<void> {
    if (!this.#identity.isOwn(caller)) throw new Errno("EPERM", `uid ${caller.uid} may not change the budget of a job`);
    this.#needsDaemon();
    return this.#accountant.ask("setBudget", id, Math.floor(limit / PAGE_SIZE));
  }

  /** Who is to be asked for {@link unaccounted}. */
  enrolling: () => readonly UnaccountedProcess[] = () => [];

  unaccounted(): Outcome<readonly UnaccountedProcess[]> {
    return mapOutcome(this.#accountant.askIfAny({ payers: [], accounted: [] }, "uids"), ({ accounted }) => {
      const known = new Set(accounted.map(([pid]) => pid));
      return this.enrolling().filter(({ pid }) => !known.has(pid));
    });
  }

  adopt(process: Process, caller: Caller): Outcome<void> {
    this.#needsDaemon();
    return mapOutcome(perform(this.#adopt(process, caller)), () => {});
  }

  /** The same, as of a session of that uid. False: it was under accounting already. */
  enrol(process: Process, caller: Caller, sessionOf: number): Outcome<boolean> {
    this.#needsDaemon();
    return perform(this.#adopt(process, caller, sessionOf));
  }

  *#adopt(process: Process, caller: Caller, sessionOf?: number): Steps<boolean> {
    if (yield* step(this.#accountant.askIfAny(undefined, "limit", process.pid))) return false;
    // Before the filter: there is no way back from that.
    this.#accountant.refuseIfLifted();
    let adopted: Parked<void> | undefined;
    yield* step(
      this.#install(process, caller, (listener) => {
        adopted = this.#accountant.adopt(process.pid, listener, sessionOf);
      }),
    );
    yield* step(adopted);
    return true;
  }

  #needsDaemon(): void {
    if (this.#accountant.outlives) return;
    throw new Errno(
      "EOPNOTSUPP",
      "only the daemon keeps accounts that last: start it by lyonnais daemon, and mount without -f",
    );
  }
}
