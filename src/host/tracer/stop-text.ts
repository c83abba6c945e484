/** Why a process is stopped, or that it runs, as a line of text: procfs(5), stop and events. */
import type { Arch } from "../../core/abi/arch/arch.ts";
import { callName } from "../../core/abi/arch/call-names.ts";
import { describeSignal } from "../../core/abi/siginfo.ts";
import { signalName } from "../../core/abi/signal.ts";
import { exitStatusOf } from "../../core/abi/text/stat.ts";
import { isZombie, stateOf, statusField } from "../../core/abi/text/status.ts";
import { decodeWaitStatus, type ExitStatus } from "../../core/abi/wait.ts";
import type { Tid } from "../../core/base/brand.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { escapeOctal } from "../../core/base/text.ts";
import { register } from "../../core/trace/remote-call.ts";
import type { Why } from "../../core/trace/why.ts";
import { JOBS } from "../linux/elsewhere/jobs.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { ifThere, promptText, waitingLink } from "../linux/proc-file.ts";
import { threadsOf } from "../linux/threads.ts";
import { getRegisters } from "./live-ptrace.ts";
import { LiveThread } from "./live-thread.ts";

const IS_ROOT = process.geteuid!() === 0;

/** Undefined where the thread was killed in this moment, or the kernel does not say. */
function unlessRefused<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
}

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
const shown = (name: string, value: bigint | undefined): string =>
  value === undefined ? "" : ` ${name} ${hex(value)}`;

/** An address as one, and what says that the call has failed as the number that it is. */
const resultText = (result: bigint): string =>
  result < 0n && result > -4096n ? String(result) : hex(BigInt.asUintN(64, result));

function reasonText({ pid }: LiveProcess, why: Why, thread: LiveThread, arch: Arch): string {
  switch (why.kind) {
    case "signal":
      return `signal ${describeSignal(
        why.signal,
        unlessRefused(() => thread.signalInfo()),
      )}`;
    case "break":
      return `break ${why.number} ${hex(why.address)}`;
    case "syscall": {
      const { number, args, result } = why;
      const said = [callName(arch, number), result === undefined ? "enter" : "leave", ...args.map(hex)].join(" ");
      return `call ${said}${result === undefined ? "" : ` = ${resultText(result)}`}`;
    }
    case "until":
    case "next":
    case "finish":
      return why.kind;
    case "watch":
      return `watch ${why.number} addr ${hex(why.address)}${shown("old", why.old)}${shown("new", why.new)}`;
    case "group":
      return `stopped ${why.signal} ${signalName(why.signal)}`;
    case "exec":
      // Every thread is in a stop of ours: none is inside exec, and nothing waits.
      return `exec ${escapeOctal(unlessRefused(() => waitingLink(pid, "exe")) ?? "??")}`;
    default:
      return why.kind;
  }
}

/** A process all of whose threads are stopped under our control. */
export function stopLine(
  process: LiveProcess,
  { why, thread }: { readonly why: Why; readonly thread: Tid },
  arch: Arch,
): string {
  const pc = unlessRefused(() => register(arch, getRegisters(thread, arch), arch.programCounter));
  const at = pc === undefined ? "" : ` pc 0x${pc.toString(16)}`;
  return `${reasonText(process, why, new LiveThread(thread, arch), arch)} thread ${thread}${at}`;
}

export function exitLine(status: ExitStatus): string {
  return status.kind === "exited" ? `exited ${status.code}` : `killed ${status.signal} ${signalName(status.signal)}`;
}

/**
 * How a process has ended that nobody controls: `gone` where its parent has collected it already, or where we may not
 * know: the kernel says 0 then. No thread of it is left that
 * could be inside exec, so nothing waits.
 */
export function endOf(process: LiveProcess): string {
  const stat = ifThere(() => (process.alive() ? JOBS.stat({ pid: process.pid }) : undefined));
  if (stat === undefined) return "gone";
  const text = exitStatusOf(stat);
  if (text === 0 && !IS_ROOT && !process.isOwn()) return "gone";
  const status = decodeWaitStatus(text);
  return status.kind === "exited" || status.kind === "signaled" ? exitLine(status) : "gone";
}

/** A process that nobody controls here, or one thread of it; nothing that could wait for it is asked. ESRCH. */
export function stateLine(target: LiveProcess, tid?: Tid): string {
  const text = tid === undefined ? target.statusText() : ifThere(() => promptText(target.pid, "status", tid));
  if (text === undefined) throw new Errno("ESRCH", `process ${target.pid} has no thread ${tid}`);
  const state = stateOf(text);
  if (isZombie(state) && tid !== undefined && (tid as number) !== target.pid) return "gone";
  if (isZombie(state)) return threadsOf(target.pid).length > 0 ? "running" : endOf(target);
  if (state === "T") return "stopped";
  const tracer = statusField(text, "TracerPid");
  return state === "t" && tracer !== String(process.pid) ? `traced ${tracer}` : "running";
}
