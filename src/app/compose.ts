import type { Tid } from "../core/base/brand.ts";
import { buildFilter } from "../core/notify/filter.ts";
import type { ProcfsOptions } from "../core/procfs/options.ts";
import type { Ports } from "../core/procfs/ports.ts";
import { procFileSystem } from "../core/procfs/tree.ts";
import type { Caller } from "../core/vfs/caller.ts";
import type { FileSystem } from "../core/vfs/node.ts";
import { Accountant, type AccountantState } from "../host/accountant/accountant.ts";
import { LiveAccounts } from "../host/accountant/live-accounts.ts";
import { KernelAccess } from "../host/linux/access.ts";
import { CallerIdentity } from "../host/linux/caller-identity.ts";
import { LiveExecutables } from "../host/linux/executable.ts";
import { hostArch } from "../host/linux/host-arch.ts";
import { requireKernel } from "../host/linux/kernel-version.ts";
import { LiveMemory } from "../host/linux/memory.ts";
import { countInOwnPages } from "../host/linux/page-size.ts";
import { LiveProcessTable } from "../host/linux/process-table.ts";
import { LiveSignals } from "../host/linux/signals.ts";
import { LiveTracer } from "../host/tracer/live-tracer.ts";
import { refuseAdoptions } from "./adoption-quota.ts";

/** This host's processes, as any number of trees can show them. */
export interface LiveHost {
  /** A tree of its own over the same processes. Control is common to all. */
  fileSystem(options: ProcfsOptions): FileSystem;
  /** This very process as the one who asks. */
  readonly self: Caller;
  /** Whether a caller has every right this process has: its own user, or root with its capabilities. */
  owns(caller: Caller): boolean;
  readonly accountant: Accountant;
  /** Whether nothing is attached, and nobody's memory accounted. */
  readonly idle: boolean;
  /** Lets every attached process go, then closes everything. */
  close(): Promise<void>;
}

/** Builds it all, or EOPNOTSUPP where the kernel is too old; `onBug` is told of errors that belong to no request; `state` is where the accounts outlive this process. One in a process: ptrace and SIGCHLD belong to the main thread. */
export function composeLiveHost(onBug: (error: unknown) => void, state?: AccountantState): LiveHost {
  requireKernel();
  countInOwnPages();
  const identity = new CallerIdentity();
  const processes = new LiveProcessTable(identity);
  const access = new KernelAccess(identity);
  const arch = hostArch();
  const memory = new LiveMemory(access, arch.userTop);
  const tracer = new LiveTracer({ processes, access, arch, memory, onBug });
  const console = { now: () => performance.now(), print: (line: string) => process.stderr.write(`${line}\n`) };
  const accountant = new Accountant(console, state);
  const filter = buildFilter(arch);
  const ports: Ports = {
    accounts: new LiveAccounts(accountant, identity, (process, caller, owner) => {
      if (!identity.isOwn(caller)) refuseAdoptions(accountant.accounts.population, caller.uid);
      return tracer.installFilter(process, caller, filter, owner);
    }),
    processes,
    access,
    memory,
    executables: new LiveExecutables(identity),
    signals: new LiveSignals(processes),
    tracer,
  };
  return {
    accountant,
    owns: (caller) => identity.isOwn(caller),
    fileSystem: (options) => procFileSystem(ports, options),
    self: { tid: process.pid as Tid, uid: process.geteuid!(), gid: process.getegid!() },
    get idle() {
      return tracer.idle && accountant.trees === 0;
    },
    async close() {
      await tracer.close();
      accountant.close();
      processes.close();
    },
  };
}
