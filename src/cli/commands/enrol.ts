import { Command, InvalidArgumentError } from "commander";
import { askRunningDaemon } from "../../app/daemon/client.ts";
import { Errno } from "../../core/base/errno.ts";

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
      const said = await askRunningDaemon(`enrol ${pid} ${user ?? ""}`.trimEnd());
      if (said === undefined) throw new Errno("ESRCH", "no daemon of this user runs: start it by lyonnais daemon");
    });
}
