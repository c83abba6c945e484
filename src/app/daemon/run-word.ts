import { Errno } from "../../core/base/errno.ts";

/** A process that is about to become a command under accounting; sizes in bytes, or Infinity. */
export interface RunRequest {
  readonly pid: number;
  /** Which descriptor of it will be the listener. */
  readonly fd: number;
  /** Which descriptor of it is the end that says whether the listener is kept. */
  readonly end: number;
  readonly soft: number;
  readonly hard: number;
  readonly budget: number;
  /** Whether calls that a signal interrupts are to be repaired. */
  readonly repair: boolean;
  /** What its job is called, as {@link JOB_NAME}. */
  readonly name?: string | undefined;
}

/** What a job may be called. */
export const JOB_NAME: RegExp = /^[A-Za-z0-9_][\w.:@+-]{0,62}$/;

const LISTENS = "listens";
const WORD = /^(\d+) (\d+) (\d+) (\d+|Infinity) (\d+|Infinity) (\d+|Infinity) (repair|no-repair)(?: (\S+))?$/;

export function formatRunWord({ pid, fd, end, soft, hard, budget, repair, name }: RunRequest): string {
  const words = `run ${pid} ${fd} ${end} ${soft} ${hard} ${budget} ${repair ? "repair" : "no-repair"}`;
  return name === undefined ? words : `${words} ${name}`;
}

/** What follows `run ` on `ctl`. Answers that the listener will be taken, or that there need be none. */
export async function runWord(text: string, run: (request: RunRequest) => Promise<boolean>): Promise<string> {
  const match = WORD.exec(text);
  if (!match)
    throw new Errno("EINVAL", `run takes PID FD END SOFT HARD BUDGET REPAIR NAME, not ${JSON.stringify(text)}`);
  const [pid, fd, end, soft, hard, budget] = match.slice(1, 7).map(Number);
  const repair = match[7] === "repair";
  const name = match[8];
  if (name !== undefined && !JOB_NAME.test(name))
    throw new Errno("EINVAL", `${JSON.stringify(name)} is no name of a job`);
  const isNew = await run({ pid: pid!, fd: fd!, end: end!, soft: soft!, hard: hard!, budget: budget!, repair, name });
  return isNew ? LISTENS : "accounted";
}

/** Whether the process is to put itself under the filter; false when it is under accounting already. */
export const isToListen = (answer: string): boolean => answer === LISTENS;
