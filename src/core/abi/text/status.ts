import { Errno } from "../../base/errno.ts";

/** The value of `Name:` in /proc/pid/status, proc_pid_status(5), without the blanks around it. EPROTO when it is not there. */
export function statusField(text: string, name: string): string {
  const label = `\n${name}:`;
  const at = text.indexOf(label);
  if (at < 0) throw new Errno("EPROTO", `no ${name} in a status file`);
  const end = text.indexOf("\n", at + label.length);
  return text.slice(at + label.length, end < 0 ? undefined : end).trim();
}

/**
 * Whether the status file is that of a kernel thread. Before Linux 6.8 it does not say so: those are kthreadd, process 2, and its
 * children, as long as they have no memory.
 */
export function isKernelThread(pid: number, text: string): boolean {
  if (text.includes("\nKthread:")) return statusField(text, "Kthread") === "1";
  return (pid === 2 || statusField(text, "PPid") === "2") && !text.includes("\nVmSize:") && !isZombie(stateOf(text));
}

/** What the kernel calls the program, its backslashes and newlines escaped. EPROTO. */
export function statusName(text: string): string {
  return statusField(`\n${text}`, "Name");
}

/** The state as one letter, proc_pid_status(5). */
export function stateOf(text: string): string {
  return statusField(text, "State")[0]!;
}

/** Exited but not yet reaped: `Z`, or `X` in the moment it goes. */
export function isZombie(state: string): boolean {
  return state === "Z" || state === "X";
}

/** Stopped by job control (`T`) or by a tracer (`t`). */
export function isStopped(state: string): boolean {
  return state === "T" || state === "t";
}

/** A field that is a mask in hexadecimal: capabilities (`CapEff`) or signals (`SigCgt`). */
export function statusMask(text: string, name: string): bigint {
  return BigInt(`0x${statusField(text, name)}`);
}

/** All numbers of a field, in order: `Uid` and `Gid` are real, effective, saved, file system; `Groups` may be empty. */
export function statusNumbers(text: string, name: string): number[] {
  const value = statusField(text, name);
  return value === "" ? [] : value.split(/\s+/).map(Number);
}
