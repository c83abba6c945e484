/** What can be known before a filter is put on a process, so that nothing is begun that cannot be ended. */
import type { Arch } from "../../core/abi/arch/arch.ts";
import { CAP_SYS_ADMIN } from "../../core/abi/prctl.ts";
import {
  SECCOMP_RET_ACTION_FULL,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_LOG,
  SECCOMP_RET_USER_NOTIF,
} from "../../core/abi/seccomp.ts";
import { answerOf, encodeCall, mayAnswer } from "../../core/abi/seccomp-filter.ts";
import { statusField, statusMask } from "../../core/abi/text/status.ts";
import type { Pid } from "../../core/base/brand.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { threadsOf } from "../linux/threads.ts";
import { LiveThread } from "./live-thread.ts";

/** A call that will be made in the process's place. */
export interface PlannedCall {
  readonly number: number;
  readonly args: readonly number[];
}

/** Whether `filter` lets a call through without asking anybody. */
function allows(filter: Uint8Array, arch: Arch, address: number, { number, args }: PlannedCall): boolean {
  const { instruction } = arch.call;
  const [{ auditArch }] = arch.abis;
  const programCounter = address + instruction.length;
  const answer = answerOf(filter, encodeCall({ auditArch, number, programCounter, args }));
  const action = (answer & SECCOMP_RET_ACTION_FULL) >>> 0;
  return action === SECCOMP_RET_ALLOW || action === SECCOMP_RET_LOG;
}

/** EINVAL for a filter that would catch the call by which the target's own descriptor of the listener is closed. */
export function refuseUnfitProgram(program: Uint8Array, arch: Arch): void {
  if (!allows(program, arch, 0, { number: arch.call.sysClose, args: [0] }))
    throw new Errno("EINVAL", "a filter that is put on a running process has to let close(2) pass");
}

/** The filters all threads are under. EBUSY where they differ, notify somebody already, or cannot be known. */
export function filtersOf(pid: Pid, thread: LiveThread, arch: Arch): readonly Uint8Array[] {
  const states = threadsOf(pid).map((tid) => {
    const status = new LiveThread(tid, arch).status();
    return `${statusField(status, "Seccomp")} ${statusField(status, "Seccomp_filters")}`;
  });
  const [state] = states;
  if (states.some((other) => other !== state)) throw differing(pid);
  if (state === undefined || state.startsWith("0")) return [];
  if (state.startsWith("1"))
    throw new Errno("EBUSY", `process ${pid} is in seccomp's strict mode, which nothing can be added to`);
  const filters = readFilters(pid, thread);
  if (filters.some((filter) => mayAnswer(filter, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ACTION_FULL)))
    throw listening(pid);
  return filters;
}

function readFilters(pid: Pid, thread: LiveThread): readonly Uint8Array[] {
  try {
    return thread.filters();
  } catch (error) {
    if (isErrno(error, "ESRCH")) throw error;
    const how = "run the daemon as root and outside of a container";
    throw new Errno("EBUSY", `process ${pid} has a seccomp filter of its own that cannot be looked at; ${how}`, error);
  }
}

/** EBUSY unless the filters let the calls through: a refused call might be the process's death. */
export function refuseFilteredCalls(
  pid: Pid,
  filters: readonly Uint8Array[],
  arch: Arch,
  address: number,
  calls: readonly PlannedCall[],
): void {
  if (filters.every((filter) => calls.every((call) => allows(filter, arch, address, call)))) return;
  throw new Errno("EBUSY", `process ${pid} has a seccomp filter of its own that does not allow another one`);
}

/** Whether seccomp(2) takes a filter from this thread as it is, without no_new_privs. */
export function mayInstall(thread: LiveThread): boolean {
  const status = thread.status();
  const effective = statusMask(status, "CapEff");
  return ((effective >> BigInt(CAP_SYS_ADMIN)) & 1n) === 1n || statusField(status, "NoNewPrivs") === "1";
}

export const listening = (pid: Pid): Errno =>
  new Errno("EBUSY", `process ${pid} is already under a filter with a listener; a process can have one only`);

export const differing = (pid: Pid): Errno =>
  new Errno("EBUSY", `the threads of process ${pid} are under different seccomp filters; one for all cannot be added`);
