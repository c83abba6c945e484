import { Errno } from "../../core/base/errno.ts";
import { holdsFor, isLimited, type Policy } from "../../core/policy/policy.ts";
import type { EnrolmentHost } from "../../host/accountant/enrolment.ts";
import { hostDirectory } from "../policy/read-policy.ts";
import { uidNamed } from "../policy/show-policy.ts";

/** A process whose session is to be under accounting; `user` is whose, or empty: whoever it is. */
export interface EnrolRequest {
  readonly pid: number;
  readonly user: string;
}

/** What follows `enrol ` on `ctl`. */
export async function enrolWord(text: string, enrol: (request: EnrolRequest) => Promise<void>): Promise<undefined> {
  const match = /^([1-9]\d{0,9})(?: (\S+))?$/.exec(text);
  if (!match) throw new Errno("EINVAL", `enrol takes PID USER, not ${JSON.stringify(text)}`);
  await enrol({ pid: Number(match[1]), user: match[2] ?? "" });
  return undefined;
}

/**
 * Puts a process under accounting, with the children it makes from then on, if anything limits the user. ENOENT: there is no such user;
 * and as the word `account`.
 */
export async function enrolSession(
  { pid, user }: EnrolRequest,
  policy: Policy,
  { look, enrol }: Pick<EnrolmentHost, "look" | "enrol">,
): Promise<void> {
  const uid = user === "" ? look(pid)?.uid : uidNamed(user, hostDirectory());
  if (uid === undefined) {
    throw user === ""
      ? new Errno("ESRCH", `there is no process ${pid}`)
      : new Errno("ENOENT", `/etc/passwd has no user ${user}: say the uid`);
  }
  if (isLimited(holdsFor(policy, uid))) await enrol(pid, uid);
}
