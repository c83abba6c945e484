import type { Pid } from "../../core/base/brand.ts";
import { Errno } from "../../core/base/errno.ts";
import type { ControlScope } from "../../core/procfs/options.ts";
import type { Caller, Connection } from "../../core/vfs/caller.ts";
import { libcGetsid } from "../linux/ffi/libc.ts";
import type { LiveProcessTable } from "../linux/process-table.ts";
import { watchProcess } from "../linux/watch-process.ts";

/** Who controls a target: everything in one session, one process, or one connection. Equal keys are one controller. */
export interface Controller {
  readonly key: string;
  readonly scope: ControlScope;
  /** The process whose end ends the control: the session's leader, or the writer itself. 0: nobody's. */
  readonly pid: number;
  /** The connection whose end ends the control. */
  readonly connection: Connection | undefined;
}

/** Asked for at every word, so it costs one system call. EPERM for a caller that has no process id here. */
export function controllerKeyOf(caller: Caller, scope: ControlScope, processes: LiveProcessTable): string {
  if (caller.connection) return `connection ${caller.connection.id}`;
  const session = caller.tid > 0 ? libcGetsid(caller.tid) : -1;
  if (session < 0) throw new Errno("EPERM", "the caller has no process id here and cannot control anything");
  // 0: its leader is outside our pid namespace. The kernel cannot tell such sessions apart from here; neither do we.
  if (scope === "session") return `session ${session}`;
  return `process ${processes.ofThread(caller.tid)?.pid ?? caller.tid}`;
}

export function controllerOf(caller: Caller, scope: ControlScope, processes: LiveProcessTable): Controller {
  const key = controllerKeyOf(caller, scope, processes);
  const { connection } = caller;
  const pid = connection ? 0 : Number(key.split(" ")[1]);
  return { key, scope, pid: pid > 0 && processes.find(pid as Pid) ? pid : 0, connection };
}

/** How often a session without a leader is looked for living members; the kernel reports nothing about it. */
const LEADERLESS_MS = 1000;

/** Calls `ended` once when the controller is no more. */
export function watchController(
  controller: Controller,
  processes: LiveProcessTable,
  ended: () => void,
): { close(): void } {
  if (controller.connection) return { close: controller.connection.onEnd(ended) };
  if (controller.pid > 0) return watchProcess(controller.pid, ended);
  const session = Number(controller.key.split(" ")[1]);
  const timer = setInterval(() => {
    if (!processes.pids().some((pid) => libcGetsid(pid) === session)) ended();
  }, LEADERLESS_MS);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
