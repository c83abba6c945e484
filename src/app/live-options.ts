import { DEFAULT_OPTIONS, type ProcfsOptions } from "../core/procfs/options.ts";
import type { ControlScope } from "../host/tracer/controller.ts";

export interface LiveOptions extends ProcfsOptions {
  /** Who shares control of an attached process with the one that attached it. */
  readonly control: ControlScope;
}

export const DEFAULT_LIVE_OPTIONS: LiveOptions = { ...DEFAULT_OPTIONS, control: "session" };
