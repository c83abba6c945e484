import { Errno } from "../../core/base/errno.ts";

/** A process that is about to become a command under accounting; sizes in bytes, or Infinity. */
export interface RunRequest {
  readonly pid: number;
  /** Which descriptor of it will be the listener. */
  readonly fd: number;
  readonly soft: number;
  readonly hard: number;
  readonly budget: number;
  /** Whether calls that a signal interrupts are to be repaired. */
  readonly repair: boolean;
}

const LISTENS = "listens";
const WORD = /^(\d+) (\d+) (\d+|Infinity) (\d+|Infinity) (\d+|Infinity) (repair|no-repair)$/;

export function formatRunWord({ pid, fd, soft, hard, budget, repair }: RunRequest): string {
  return `run ${pid} ${fd} ${soft} ${hard} ${budget} ${repair ? "repair" : "no-repair"}`;
}

/** What follows `run ` on `ctl`. Answers that the listener will be taken, or that there need be none. */
export async function runWord(text: string, run: (request: RunRequest) => Promise<boolean>): Promise<string> {
  const match = WORD.exec(text);
  if (!match) throw new Errno("EINVAL", `run takes PID FD SOFT HARD BUDGET REPAIR, not ${JSON.stringify(text)}`);
  const [pid, fd, soft, hard, budget] = match.slice(1, 6).map(Number);
  const repair = match[6] === "repair";
  const isNew = await run({ pid: pid!, fd: fd!, soft: soft!, hard: hard!, budget: budget!, repair });
  return isNew ? LISTENS : "accounted";
}

/** Whether the process is to put itself under the filter; false when it is under accounting already. */
export const isToListen = (answer: string): boolean => answer === LISTENS;
