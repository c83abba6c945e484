import { spawnSync } from "node:child_process";
import { Command, InvalidArgumentError } from "commander";
import { askRunningDaemon } from "../../app/daemon/client.ts";
import { hostDirectory } from "../../app/policy/read-policy.ts";
import { Errno } from "../../core/base/errno.ts";

/** How long a directory service may take to say who a user is. */
const GETENT_MS = 10_000;

/**
 * The uid of a user by name, or a uid. getent(1) is asked for who is not in /etc/passwd: here, and not in the daemon, since a directory
 * service may take its time. ENOENT.
 */
function uidOf(user: string): number {
  const known = hostDirectory().uidOf(user);
  if (known !== undefined) return known;
  if (/^\d{1,10}$/.test(user)) return Number(user);
  const { stdout } = spawnSync("getent", ["passwd", "--", user], { encoding: "latin1", timeout: GETENT_MS });
  const uid = /^[^:]*:[^:]*:(\d+):/.exec(stdout ?? "")?.[1];
  if (uid === undefined) throw new Errno("ENOENT", `there is no user ${user}`);
  return Number(uid);
}

function pidArgument(text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new InvalidArgumentError("say the number of a process");
  return Number(text);
}

export function enrolCommand(): Command {
  return new Command("enrol")
    .description("put a login's process, the one that starts this command, under its user's limits; for pam_exec")
    .argument("[pid]", "another process", pidArgument)
    .option("-u, --user <name>", "whose session it is; PAM_USER without it, or else whoever the process is")
    .action(async (pid: number = process.ppid, { user = process.env["PAM_USER"] }: { user?: string }) => {
      const { PAM_TYPE = "open_session" } = process.env;
      // pam_exec calls for the end of a session as well, and for whatever else its line stands below.
      if (PAM_TYPE !== "open_session") return;
      const said = await askRunningDaemon(`enrol ${pid} ${user === undefined ? "" : uidOf(user)}`.trimEnd());
      if (said === undefined) throw new Errno("ESRCH", "no daemon of this user runs: start it by lyonnais daemon");
    });
}
