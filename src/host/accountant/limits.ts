import { Errno } from "../../core/base/errno.ts";
import { pagesIn } from "../../core/base/size.ts";
import { UNLIMITED } from "../../core/charges/unlimited.ts";
import type { Accounts } from "../../core/notify/accounts.ts";
import { applyPolicy, type UidPolicy } from "../../core/notify/uid-policy.ts";
import { holdsFor, isLimited, overcommitOf, type Policy } from "../../core/policy/policy.ts";
import type { Job } from "../../core/space/job.ts";
import { limitCell, type SwapLimit } from "../../core/space/limit.ts";
import type { AccountedProcess } from "../../core/space/process.ts";
import type { ListenerJobs } from "./listener-jobs.ts";

/** The administrator's policy in pages. */
function uidPolicy(policy: Policy): UidPolicy {
  return (uid) => {
    const holding = holdsFor(policy, uid);
    if (!isLimited(holding)) return undefined;
    const { swap, job } = holding;
    return {
      swap: swap && { soft: pagesIn(swap.value.soft), hard: pagesIn(swap.value.hard) },
      session: job ? pagesIn(job.value) : UNLIMITED,
    };
  };
}

/** The limits of processes, sessions and uids: the administrator's policy, and limits that a process was given. All sizes are pages. */
export class Limits {
  readonly #accounts: Accounts;
  readonly #listenerJobs: ListenerJobs;
  #policy: Policy;

  constructor(accounts: Accounts, listenerJobs: ListenerJobs, policy: Policy) {
    this.#accounts = accounts;
    this.#listenerJobs = listenerJobs;
    this.#policy = policy;
    this.apply();
  }

  /** Applies the policy to present uids and jobs: to be called again when jobs were restored from the journal. */
  apply(): void {
    applyPolicy(this.#accounts, uidPolicy(this.#policy));
  }

  /** Sets the bits of vm.overcommit, where the policy names them. */
  commit(): void {
    const bits = overcommitOf(this.#policy);
    if (bits !== undefined) this.#accounts.setOvercommit(bits);
  }

  set(policy: Policy): void {
    this.#policy = policy;
    this.apply();
    this.commit();
  }

  /** A new job for a login session of `uid`, with the budget of the policy; without `uid` a job without a budget. `root`: its first process. */
  newSession(root: number, uid: number | undefined): Job {
    const budget = uid === undefined ? UNLIMITED : (uidPolicy(this.#policy)(uid)?.session ?? UNLIMITED);
    return this.#listenerJobs.make({ limit: limitCell(), budget, sessionOf: uid, root });
  }

  /** As `Requests.relimit`. */
  again(pid: number, limit: SwapLimit, budget: number, label?: string): boolean {
    const { population } = this.#accounts;
    const known = population.find(pid);
    if (!known) return false;
    const { hard } = known.limit;
    this.#accounts.setLimit(known, { soft: Math.min(limit.soft, hard), hard: Math.min(limit.hard, hard) });
    if (budget !== UNLIMITED) {
      known.space.moveTo(
        this.#listenerJobs.make({ limit: known.limit, budget, around: known.space.job, root: pid, label }),
      );
    }
    population.record(known);
    return true;
  }

  /** The limit that binds a process; undefined where it is not under accounting. */
  of(pid: number): SwapLimit | undefined {
    const process = this.#accounts.population.find(pid);
    return process && this.#binding(process);
  }

  /** As `Requests.setLimit`. */
  give(pid: number, limit: SwapLimit, mayRaise: boolean): void {
    const process = this.#accounts.population.find(pid);
    if (!process)
      throw new Errno(
        "EOPNOTSUPP",
        `process ${pid} is not under accounting: write account to its ctl, or start it by lyonnais run`,
      );
    const { hard } = this.#binding(process);
    if (limit.hard > hard && !mayRaise) throw new Errno("EPERM", "only root may raise the hard limit");
    this.#accounts.setLimit(process, limit);
  }

  /** The limit of the process itself, cut to that of its uid. */
  #binding(process: AccountedProcess): SwapLimit {
    const { payer } = process.space;
    const soft = this.#accounts.ledger.limitOf(payer, process);
    return { soft, hard: Math.min(process.limit.hard, payer.limit.hard) };
  }
}
