import { Errno } from "../base/errno.ts";

/** Which threads are meant: a number, any one, or all of them. */
export type Which = number | "any" | "all";

/** A thread of a process, as a client names it. Without a process: of the current one. */
export interface ThreadId {
  readonly pid: Which | undefined;
  readonly tid: Which;
}

function which(text: string): Which {
  if (text === "-1") return "all";
  if (!/^[0-9a-f]{1,8}$/i.test(text)) throw new Errno("EINVAL", `${JSON.stringify(text.slice(0, 20))} is no thread`);
  return Number.parseInt(text, 16) || "any";
}

/** `12`, `p12.12`, `p12` or `p12.-1`, hexadecimal. EINVAL. */
export function parseThreadId(text: string): ThreadId {
  if (!text.startsWith("p")) return { pid: undefined, tid: which(text) };
  const [pid = "", tid = "-1", ...rest] = text.slice(1).split(".");
  if (rest.length > 0) throw new Errno("EINVAL", "a thread has one dot");
  return { pid: which(pid), tid: which(tid) };
}

/** `withPid`: the client understands processes. */
export function formatThreadId(pid: number, tid: number, withPid: boolean): string {
  return withPid ? `p${pid.toString(16)}.${tid.toString(16)}` : tid.toString(16);
}
