/** `ok`; `warn`: something is less than it could be; `missing`: something is not possible here. */
export type Verdict = "ok" | "warn" | "missing";

export interface Finding {
  readonly verdict: Verdict;
  /** What was found, one line. */
  readonly detail: string;
  /** What to do about it, where it is not ok. */
  readonly remedy?: string;
}

/** One thing looked at. */
export interface Probe {
  readonly name: string;
  /** Without it the process file system cannot be had at all, not even by the shell. */
  readonly essential?: true;
  look(): Finding | Promise<Finding>;
}

export const ok = (detail: string): Finding => ({ verdict: "ok", detail });
export const warn = (detail: string, remedy: string): Finding => ({ verdict: "warn", detail, remedy });
export const missing = (detail: string, remedy: string): Finding => ({ verdict: "missing", detail, remedy });
