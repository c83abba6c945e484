import { Errno } from "../../base/errno.ts";

/** The value of `Name:` in /proc/pid/status, proc_pid_status(5), without the blanks around it. EPROTO when it is not there. */
export function statusField(text: string, name: string): string {
  const label = `\n${name}:`;
  const at = text.indexOf(label);
  if (at < 0) throw new Errno("EPROTO", `no ${name} in a status file`);
  const end = text.indexOf("\n", at + label.length);
  return text.slice(at + label.length, end < 0 ? undefined : end).trim();
}

/** All numbers of a field, in order: `Uid` and `Gid` are real, effective, saved, file system; `Groups` may be empty. */
export function statusNumbers(text: string, name: string): number[] {
  const value = statusField(text, name);
  return value === "" ? [] : value.split(/\s+/).map(Number);
}
