import type { Arch } from "../../core/abi/arch/arch.ts";
import type { PerUid } from "../../core/procfs/quotas.ts";
import type { KernelAccess } from "../linux/access.ts";
import type { Elsewhere } from "../linux/elsewhere/elsewhere.ts";
import type { LiveMemory } from "../linux/memory.ts";
import type { LiveProcessTable } from "../linux/process-table.ts";
import type { RepairSharing } from "./repair-sharing.ts";

/** What the tracer works with. */
export interface TracerSetup {
  readonly processes: LiveProcessTable;
  readonly elsewhere: Elsewhere;
  readonly access: KernelAccess;
  readonly arch: Arch;
  readonly memory: LiveMemory;
  readonly sharing?: RepairSharing;
  /** How many processes each uid has attached. */
  readonly attached: PerUid;
  /** The file that names a process for which a server had to end. */
  readonly culprits?: string;
  /** Told of errors that belong to no request. */
  onBug(error: unknown): void;
}
