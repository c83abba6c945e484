import type { Tid } from "../core/base/brand.ts";
import { buildFilter } from "../core/notify/filter.ts";
import type { ProcfsOptions } from "../core/procfs/options.ts";
import type { Ports } from "../core/procfs/ports.ts";
import { procFileSystem } from "../core/procfs/tree.ts";
import type { Caller } from "../core/vfs/caller.ts";
import type { FileSystem } from "../core/vfs/node.ts";
import { Accountant, type AccountantState } from "../host/accountant/accountant.ts";
import { LiveAccounts } from "../host/accountant/live-accounts.ts";
import { LiveInspection } from "../host/inspect/live-inspection.ts";
import { KernelAccess } from "../host/linux/access.ts";
import { CallerIdentity } from "../host/linux/caller-identity.ts";
import { LiveExecutables } from "../host/linux/executable.ts";
import { hostArch } from "../host/linux/host-arch.ts";
import { LiveMemory } from "../host/linux/memory.ts";
import { LiveProcessTable } from "../host/linux/process-table.ts";
import { LiveSignals } from "../host/linux/signals.ts";
import { LiveTracer } from "../host/tracer/live-tracer.ts";

/** This host's processes, as any number of trees can show them. */
export interface LiveHost {
  /** A tree of its own over the same processes. Control is common to all. */
  fileSystem(options: ProcfsOptions): FileSystem;
  /** This very process as the one who asks. */
  readonly self: Caller;
  readonly accountant: Accountant;
  /** Whether nothing is attached, and nobody's memory accounted. */
  readonly idle: boolean;
  /** Lets every attached process go, then closes everything. */
  close(): Promise<void>;
}

/** Builds it all; `onBug` is told of errors that belong to no request; `state` is where the accounts outlive this process. One in a process: ptrace and SIGCHLD belong to the main thread. */
export function composeLiveHost(onBug: (error: unknown) => void, state?: AccountantState): LiveHost {
  const identity = new CallerIdentity();
  const processes = new LiveProcessTable(identity);
  const access = new KernelAccess(identity);
  const arch = hostArch();
  const memory = new LiveMemory(access, arch.userTop);
  const tracer = new LiveTracer({ processes, access, arch, memory, onBug });
  const console = { now: () => performance.now(), print: (line: string) => process.stderr.write(`${line}\n`) };
  const accountant = new Accountant(console, state);
  const filter = buildFilter(arch);
  const inspection = new LiveInspection({ identity, memory, tracer, arch });
  const ports: Ports = {
    accounts: new LiveAccounts(accountant, identity, (process, caller, owner) =>
      tracer.installFilter(process, caller, filter, owner),
    ),
    processes,
    access,
    memory,
    executables: new LiveExecutables(identity),
    signals: new LiveSignals(processes),
    tracer,
    inspection,
  };
  return {
    accountant,
    fileSystem: (options) => procFileSystem(ports, options),
    self: { tid: process.pid as Tid, uid: process.geteuid!(), gid: process.getegid!() },
    get idle() {
      return tracer.idle && accountant.trees === 0;
    },
    async close() {
      await tracer.close();
      accountant.close();
      inspection.close();
      processes.close();
    },
  };
}
