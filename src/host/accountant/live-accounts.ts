import { Errno } from "../../core/base/errno.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import type { AccountedProcess } from "../../core/notify/process.ts";
import { recount } from "../../core/notify/recount.ts";
import type { Accounts, Limit, RefusedCall, SwapFigures, UidAccount } from "../../core/procfs/accounts-port.ts";
import type { Process } from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import type { Outcome } from "../../core/vfs/parked.ts";
import type { MapLine } from "../../core/vm/map-line.ts";
import type { UidInfo } from "../../core/vm/uidinfo.ts";
import type { CallerIdentity } from "../linux/caller-identity.ts";
import { readLongText } from "../linux/file.ts";
import type { Accountant } from "./accountant.ts";
import { parseLimits } from "./limits-text.ts";
import { toVma } from "./live-targets.ts";
import { toMapLine } from "./map-lines.ts";
import { residentWithin } from "./pagemap.ts";
import { readSmaps } from "./read-smaps.ts";

const bytes = (pages: number): number => pages * PAGE_SIZE;

/** Puts a running process under the filter; the listener is handed over while the process is stopped. */
export type InstallFilter = (process: Process, caller: Caller, owner: (listener: number) => void) => Outcome<void>;

/** The accounts as the process file system shows them. */
export class LiveAccounts implements Accounts {
  readonly owner: { readonly uid: number; readonly gid: number } = {
    uid: process.geteuid!(),
    gid: process.getegid!(),
  };
  readonly #accountant: Accountant;
  readonly #identity: CallerIdentity;
  readonly #install: InstallFilter;

  constructor(accountant: Accountant, identity: CallerIdentity, install: InstallFilter) {
    this.#install = install;
    this.#accountant = accountant;
    this.#identity = identity;
  }

  settle(): Outcome<void> {
    return this.#accountant.settle();
  }

  *map({ pid }: Process, caller: Caller): Iterable<MapLine> {
    const { accounts } = this.#accountant;
    const entries = this.#identity.as(caller, () => readSmaps(`/proc/${pid}`));
    const accounted = accounts.population.find(pid);
    const space = accounted?.space;
    const ruid = space ? space.payer.uid : accounts.targets.ids(pid)?.ruid;
    for (const entry of entries) {
      const { start, end, accounted, object } = toVma(entry);
      const shared = object === undefined ? undefined : accounts.objects.payerOf(object);
      const payers = accounted ? (space?.payersOf(start, end) ?? []) : [];
      const line = toMapLine(entry, payers[0]?.payer.uid ?? (accounted ? ruid : shared?.uid));
      if (payers.length < 2) yield line;
      // The kernel has made one of what two have paid for.
      else for (const part of payers) yield this.#part(pid, line, part);
    }
  }

  #part(pid: number, line: MapLine, { start, end, payer }: { start: number; end: number; payer: UidInfo }): MapLine {
    const { resident, exclusive } = residentWithin(pid, start, end);
    const address = bytes(start);
    return {
      ...line,
      ...{ start: address, end: bytes(end), resident, privateResident: exclusive, payer: payer.uid },
      object: line.object === line.start ? address : line.object,
    };
  }

  limits({ pid }: Process): readonly Limit[] {
    const limit = this.#accountant.accounts.population.find(pid)?.limit;
    const swap = { name: "swap", soft: bytes(limit?.soft ?? Infinity), hard: bytes(limit?.hard ?? Infinity) };
    return [...parseLimits(readLongText(`/proc/${pid}/limits`)), swap];
  }

  setSwapLimit({ pid }: Process, caller: Caller, soft: number, hard: number): void {
    const process = this.#find(pid);
    if (soft > hard) throw new Errno("EINVAL", "the soft limit is above the hard one");
    const limit = { soft: Math.floor(soft / PAGE_SIZE), hard: Math.floor(hard / PAGE_SIZE) };
    if (limit.hard > process.limit.hard && !(caller.uid === 0 && this.#identity.isOwn(caller))) {
      throw new Errno("EPERM", "only root may raise the hard limit");
    }
    this.#accountant.accounts.setLimit(process, limit);
  }

  refusals({ pid }: Process): readonly RefusedCall[] {
    const { refusals = [] } = this.#accountant.accounts.population.find(pid) ?? {};
    return refusals.map(({ timeMs, call, pages, reason, used, limit }) => {
      return { timeMs, call, bytes: bytes(pages), reason, used: bytes(used), limit: bytes(limit) };
    });
  }

  swap(): SwapFigures {
    const { accounts } = this.#accountant;
    const { swapTotal, reserved, overcommit, supply } = accounts.ledger;
    return { total: bytes(swapTotal), reserved: bytes(reserved), overcommit, supply: bytes(supply) };
  }

  setOvercommit(caller: Caller, bits: number): void {
    if (!this.#identity.isOwn(caller)) throw new Errno("EPERM", `uid ${caller.uid} may not change the policy`);
    this.#needsDaemon();
    this.#accountant.setOvercommit(bits);
  }

  uids(): readonly UidAccount[] {
    const { accounts } = this.#accountant;
    const rows = new Map<number, { -readonly [K in keyof UidAccount]: UidAccount[K] }>();
    const row = (uid: number) => {
      let found = rows.get(uid);
      if (!found) {
        found = {
          ...{ uid, reserved: 0, limit: Infinity, peak: 0, refusals: 0 },
          ...{ accounted: 0, observed: 0, observedBytes: 0 },
        };
        rows.set(uid, found);
      }
      return found;
    };
    for (const payer of accounts.uids) {
      const { peak, refusals } = accounts.figures.of(payer);
      Object.assign(row(payer.uid), { reserved: bytes(payer.vmsize), peak: bytes(peak), refusals });
    }
    for (const pid of accounts.targets.pids()) {
      const ids = accounts.targets.ids(pid);
      if (!ids) continue;
      const accounted = accounts.population.find(pid);
      const { data = 0, total = 0 } = accounts.targets.size(pid) ?? {};
      // Kernel threads and zombies have no memory.
      if (!accounted && total === 0) continue;
      const of = row(ids.ruid);
      if (accounted) {
        of.accounted++;
        of.limit = Math.min(of.limit, bytes(accounted.limit.soft));
      } else {
        of.observed++;
        of.observedBytes += bytes(data);
      }
    }
    return [...rows.values()].sort((a, b) => a.uid - b.uid);
  }

  check(): readonly string[] {
    const { accounts } = this.#accountant;
    return [...accounts.shortfalls, ...recount(accounts)];
  }

  adopt(process: Process, caller: Caller): Outcome<void> {
    const { pid } = process;
    this.#needsDaemon();
    if (this.#accountant.accounts.population.find(pid)) return undefined;
    return this.#install(process, caller, (listener) => this.#accountant.adopt(pid, listener));
  }

  #needsDaemon(): void {
    if (this.#accountant.outlives) return;
    throw new Errno(
      "EOPNOTSUPP",
      "only the daemon keeps accounts that last: start it by lyonnais daemon, and mount without -f",
    );
  }

  #find(pid: number): AccountedProcess {
    const process = this.#accountant.accounts.population.find(pid);
    if (process) return process;
    throw new Errno(
      "EOPNOTSUPP",
      `process ${pid} is not under accounting: write account to its ctl, or start it by lyonnais run`,
    );
  }
}
