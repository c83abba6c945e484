import type { Tid } from "../core/base/brand.ts";
import { procFileSystem } from "../core/procfs/tree.ts";
import type { Caller } from "../core/vfs/caller.ts";
import type { FileSystem } from "../core/vfs/node.ts";
import { KernelAccess } from "../host/linux/access.ts";
import { CallerIdentity } from "../host/linux/caller-identity.ts";
import { hostArch } from "../host/linux/host-arch.ts";
import { LiveMemory } from "../host/linux/memory.ts";
import { LiveProcessTable } from "../host/linux/process-table.ts";
import { LiveSignals } from "../host/linux/signals.ts";
import { LiveTracer } from "../host/tracer/live-tracer.ts";
import type { LiveOptions } from "./live-options.ts";

/** The process file system over this host's processes. */
export interface LiveTree {
  readonly fs: FileSystem;
  /** This very process as the one who asks. */
  caller(): Caller;
  /** Lets every attached process go, then closes everything. */
  close(): Promise<void>;
}

/** Builds it all; `onBug` is told of errors that belong to no request. One tree in a process: ptrace and SIGCHLD belong to the main thread. */
export function composeLiveTree(options: LiveOptions, onBug: (error: unknown) => void): LiveTree {
  const identity = new CallerIdentity();
  const processes = new LiveProcessTable(identity);
  const access = new KernelAccess(identity);
  const arch = hostArch();
  const memory = new LiveMemory(access, arch.userTop);
  const signals = new LiveSignals(processes);
  const tracer = new LiveTracer({ processes, access, arch, scope: options.control, onBug });
  const caller: Caller = { tid: process.pid as Tid, uid: process.geteuid!(), gid: process.getegid!() };
  return {
    fs: procFileSystem({ processes, access, memory, signals, tracer }, options),
    caller: () => caller,
    async close() {
      await tracer.close();
      processes.close();
    },
  };
}
