import type { Descriptors } from "../linux/descriptors.ts";

/** The accountant's descriptors of a repairer. Whoever gets them owns them. */
export interface RepairEnds {
  readonly channel: number;
  readonly table: number;
}

/** What the repairer's process needs of the daemon. */
export interface RepairSetting {
  /** A repairer has started, which knows no process yet: every process that may have to be seized has to be named to it. */
  connect(ends: RepairEnds): void;
  /** Logs a line about what keeps it from working. */
  log(line: string): void;
  /** The keeper's store; undefined: the repairer ends with the daemon. */
  readonly descriptors: Descriptors | undefined;
}
