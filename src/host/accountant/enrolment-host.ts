import { isKernelThread, isZombie, stateOf, statusField, statusNumbers } from "../../core/abi/text/status.ts";
import type { Pid } from "../../core/base/brand.ts";
import { Errno } from "../../core/base/errno.ts";
import { isEnrolled } from "../../core/policy/policy.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { toPromise } from "../../core/vfs/parked.ts";
import { ifThere, promptText } from "../linux/proc-file.ts";
import type { LiveProcessTable } from "../linux/process-table.ts";
import type { Accountant } from "./accountant.ts";
import type { Candidate, EnrolmentHost } from "./enrolment.ts";
import type { LiveAccounts } from "./live-accounts.ts";

function look(pid: number): Candidate | undefined {
  const text = ifThere(() => promptText(pid, "status"));
  if (text === undefined || isZombie(stateOf(text)) || isKernelThread(pid, text)) return undefined;
  return { pid, ppid: Number(statusField(text, "PPid")), uid: statusNumbers(text, "Uid")[0]! };
}

/** This machine's processes and accounts, as those of the daemon itself. `self`: it, as the one who asks. */
export function liveEnrolmentHost(
  accountant: Accountant,
  accounts: LiveAccounts,
  processes: LiveProcessTable,
  self: Caller,
  onBug: (error: unknown) => void,
): EnrolmentHost {
  return {
    pids: () => processes.pids(),
    look,
    async accounted() {
      const { accounted } = await toPromise(accountant.askIfAny({ payers: [], accounted: [] }, "uids"));
      return new Set(accounted.map(([pid]) => pid));
    },
    enrol(pid, sessionOf) {
      const process = processes.find(pid as Pid);
      if (!process) throw new Errno("ESRCH", `process ${pid} has exited`);
      return accounts.enrol(process, self, sessionOf);
    },
    isWanted: (uid) => isEnrolled(accountant.policy, uid),
    onBug,
  };
}
