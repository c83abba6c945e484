import { Errno } from "../../core/base/errno.ts";
import { holdsFor, isLimited, type Policy } from "../../core/policy/policy.ts";
import { toPromise } from "../../core/vfs/parked.ts";
import type { EnrolmentHost } from "../../host/accountant/enrolment.ts";

/** A process whose session is to be under accounting. */
export interface EnrolRequest {
  readonly pid: number;
  /** Whose session it is; undefined: whoever the process is. */
  readonly uid: number | undefined;
}

/** What follows `enrol ` on `ctl`. */
export async function enrolWord(text: string, enrol: (request: EnrolRequest) => Promise<void>): Promise<undefined> {
  const match = /^([1-9]\d{0,9})(?: (\d{1,10}))?$/.exec(text);
  if (!match) throw new Errno("EINVAL", `enrol takes PID UID, not ${JSON.stringify(text)}`);
  await enrol({ pid: Number(match[1]), uid: match[2] === undefined ? undefined : Number(match[2]) });
  return undefined;
}

/**
 * Puts a process under accounting, with the children it makes from then on, if anything limits the user. ESRCH; and as the word `account`.
 */
export async function enrolSession(
  { pid, uid }: EnrolRequest,
  policy: Policy,
  { look, enrol }: Pick<EnrolmentHost, "look" | "enrol">,
): Promise<void> {
  const whose = uid ?? look(pid)?.uid;
  if (whose === undefined) throw new Errno("ESRCH", `there is no process ${pid}`);
  if (isLimited(holdsFor(policy, whose))) await toPromise(enrol(pid, whose));
}
