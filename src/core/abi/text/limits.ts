/** One line of /proc/pid/limits, proc_pid_limits(5), in the units of getrlimit(2); Infinity for `unlimited`. */
export interface ResourceLimit {
  readonly soft: number;
  readonly hard: number;
}

const value = (text: string): number => (text === "unlimited" ? Number.POSITIVE_INFINITY : Number(text));

/** The limit of that name, `Max open files` or another; undefined where the kernel has none. */
export function limitIn(text: string, name: string): ResourceLimit | undefined {
  const [, soft, hard] = new RegExp(`^${name} +(unlimited|\\d+) +(unlimited|\\d+)`, "m").exec(text) ?? [];
  return soft === undefined || hard === undefined ? undefined : { soft: value(soft), hard: value(hard) };
}
