import { join } from "node:path";
// The global of this name is a getter, which costs as much as the clock.
import { performance } from "node:perf_hooks";
import type { Arch } from "../core/abi/arch/arch.ts";
import type { Tid } from "../core/base/brand.ts";
import { isErrno } from "../core/base/errno.ts";
import { KEEPING } from "../core/history/rotation.ts";
import type { Policy } from "../core/policy/policy.ts";
import type { ProcfsOptions } from "../core/procfs/options.ts";
import type { Clock, Ports } from "../core/procfs/ports.ts";
import { Quotas } from "../core/procfs/quotas.ts";
import { procFileSystem } from "../core/procfs/tree.ts";
import { CallRepair } from "../core/trace/restart.ts";
import { buildFilter } from "../core/trap/filter.ts";
import { trappedNumbers } from "../core/trap/trapped-numbers.ts";
import type { Caller } from "../core/vfs/caller.ts";
import type { FileSystem } from "../core/vfs/node.ts";
import { chainOutcome, type Outcome } from "../core/vfs/parked.ts";
import { Turns } from "../core/vfs/turns.ts";
import { Accountant, type AccountantState } from "../host/accountant/accountant.ts";
import { Enrolment, type EnrolmentHost } from "../host/accountant/enrolment.ts";
import { liveEnrolmentHost } from "../host/accountant/enrolment-host.ts";
import { LiveAccounts } from "../host/accountant/live-accounts.ts";
import { MAP_KIT } from "../host/accountant/map-jobs.ts";
import { LiveHistory, NO_HISTORY } from "../host/history/live-history.ts";
import { LiveInspection } from "../host/inspect/live-inspection.ts";
import { KernelAccess } from "../host/linux/access.ts";
import { CallerIdentity } from "../host/linux/caller-identity.ts";
import { Elsewhere } from "../host/linux/elsewhere/elsewhere.ts";
import { LiveExecutables } from "../host/linux/executable.ts";
import { hostArch } from "../host/linux/host-arch.ts";
import { requireKernel } from "../host/linux/kernel-version.ts";
import { LiveMemory } from "../host/linux/memory.ts";
import { countInOwnPages } from "../host/linux/page-size.ts";
import { LiveProcessTable } from "../host/linux/process-table.ts";
import { LiveSignals } from "../host/linux/signals.ts";
import { LiveTracer } from "../host/tracer/live-tracer.ts";
import { type RepairSharing, UNSHARED } from "../host/tracer/repair-sharing.ts";
import { repeatCall } from "../host/tracer/repeat-call.ts";
import { QUOTAS } from "./daemon/quotas.ts";
import { openPrivate } from "./private-file.ts";

/** This host's processes, as any number of trees can show them. */
export interface LiveHost {
  /** A tree of its own over the same processes. Control is common to all. */
  fileSystem(options: ProcfsOptions): FileSystem;
  /** This very process as the one who asks. */
  readonly self: Caller;
  /** Whether a caller has every right this process has: its own user, or root with its capabilities. */
  owns(caller: Caller): boolean;
  readonly accountant: Accountant;
  /** Brings processes under accounting whose uid has limits. */
  readonly enrolment: Enrolment;
  readonly enrols: EnrolmentHost;
  /** Of the main thread, common to all who are served. */
  readonly turns: Turns;
  /** Whether some process is under control. */
  readonly controls: boolean;
  /** Whether nothing is attached, and nobody's memory accounted. */
  readonly idle: boolean;
  /** Lets every attached process go, then closes everything. */
  close(): Promise<void>;
}

function repairSharing(arch: Arch, accountant: Accountant): RepairSharing {
  const { repair } = accountant;
  if (!repair) return UNSHARED;
  const calls = new CallRepair(arch, trappedNumbers);
  return {
    has: (pid) => repair.has(pid),
    release: (pid) => repair.release(pid),
    again: (pid) => accountant.seizeAgain(pid),
    repeatCall: (tid, signal) => {
      try {
        repeatCall(tid, arch, calls, signal);
      } catch (error) {
        // Killed in this moment: its end will be told.
        if (!isErrno(error, "ESRCH")) throw error;
      }
    },
  };
}

const SYSTEM_CLOCK: Clock = {
  after: (ms, act) => {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};

/** A host whose accounts outlive this process. */
export interface LastingAccounts {
  readonly state: AccountantState;
  /** What the administrator lets each uid have. */
  readonly policy?: Policy;
  /** The directory where history is kept; absent: none is. */
  readonly history?: string | undefined;
  /** The thread that keeps them has died: this process is to end, so that another goes on. */
  onDeath(error: Error): void;
}

/**
 * Builds it all, or EOPNOTSUPP where the kernel is too old; `onBug` is told of errors that belong to no request. One in a process: ptrace
 * and SIGCHLD belong to the main thread. What the files of the state throw.
 */
export function composeLiveHost(onBug: (error: unknown) => void, lasting?: LastingAccounts): LiveHost {
  requireKernel();
  countInOwnPages();
  const identity = new CallerIdentity();
  const turns = new Turns({ now: () => performance.now(), soon: (act) => void setImmediate(act) });
  const elsewhere = Elsewhere.processJobs(onBug, turns);
  const maps = new Elsewhere(MAP_KIT, onBug, turns);
  const processes = new LiveProcessTable(identity, elsewhere);
  const access = new KernelAccess(identity, elsewhere);
  const arch = hostArch();
  const memory = new LiveMemory(access, elsewhere, arch.userTop);
  const print = (line: string): void => void process.stderr.write(`${line}\n`);
  const history =
    lasting?.history === undefined
      ? undefined
      : new LiveHistory({ dir: lasting.history, keeping: KEEPING, open: openPrivate, print });
  const accountant = new Accountant({
    state: lasting?.state,
    policy: lasting?.policy,
    history: history && ((block) => history.take(block)),
    print,
    onBug,
    onDeath: lasting?.onDeath ?? onBug,
  });
  const culprits = lasting ? { culprits: join(lasting.state.dir, "culprit") } : {};
  const sharing = repairSharing(arch, accountant);
  const quotas = new Quotas();
  const { attached } = quotas;
  const tracer = new LiveTracer({
    ...{ processes, elsewhere, access, arch, memory, onBug, sharing, attached },
    ...culprits,
  });
  const filter = buildFilter(arch);
  const inspection = new LiveInspection({ identity, elsewhere, memory, tracer, arch });
  const accounts = new LiveAccounts(accountant, identity, maps, (process, caller, owner) => {
    const install = (): Outcome<void> => tracer.installFilter(process, caller, filter, owner);
    if (identity.isOwn(caller)) return install();
    return chainOutcome(accountant.askIfAny(undefined, "admitAdoption", caller.uid, QUOTAS), install);
  });
  const self: Caller = { tid: process.pid as Tid, uid: process.geteuid!(), gid: process.getegid!() };
  const enrols = liveEnrolmentHost(accountant, accounts, processes, self, onBug);
  const enrolment = new Enrolment(enrols);
  accounts.enrolling = () => enrolment.unaccounted();
  const ports: Ports = {
    quotas,
    clock: SYSTEM_CLOCK,
    accounts,
    processes,
    access,
    memory,
    executables: new LiveExecutables(identity, elsewhere),
    signals: new LiveSignals(processes),
    tracer,
    breakpoints: tracer.breakpoints,
    inspection,
    history: history ?? NO_HISTORY,
  };
  return {
    accountant,
    enrolment,
    enrols,
    turns,
    owns: (caller) => identity.isOwn(caller),
    fileSystem: (options) => procFileSystem(ports, options),
    self,
    get controls() {
      return tracer.controls;
    },
    get idle() {
      return tracer.idle && accountant.trees === 0;
    },
    async close() {
      await tracer.close();
      await accountant.close();
      await history?.close();
      inspection.close();
      processes.close();
      elsewhere.close();
      maps.close();
    },
  };
}
