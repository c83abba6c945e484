import { Command } from "commander";
import { stopDaemon } from "../../app/daemon/client.ts";
import { parseStopLine } from "../../app/gdb/stop-line.ts";
import type { TreePlace } from "../../app/open-tree.ts";
import { Errno } from "../../core/base/errno.ts";
import { type Paint, paintFor } from "../paint.ts";
import { readProcessFile } from "../read-process-file.ts";

interface Flags {
  readonly force?: true;
  readonly json?: true;
}

/** `stop` of procfs(5) for programs: absent is what is not known. */
function parsed(line: string): object {
  const said = parseStopLine(line);
  if (said?.kind === "stop") {
    const { why, words, tid, pc } = said;
    return { why, words, thread: tid, ...(pc === undefined ? {} : { pc: `0x${pc.toString(16)}` }) };
  }
  const [why, ...words] = line.split(" ");
  return { why, words };
}

function painted(line: string, paint: Paint): string {
  const [why = "", ...words] = line.split(" ");
  return [paint(why === "running" ? "green" : "yellow", why), ...words].join(" ");
}

async function showWhy(pid: string, { json }: Flags, place: TreePlace): Promise<void> {
  const [line = ""] = await readProcessFile(pid, "stop", place);
  const shown = json ? JSON.stringify(parsed(line), null, 2) : painted(line, paintFor(process.stdout, process.env));
  process.stdout.write(`${shown}\n`, "latin1");
}

export function stopCommand(): Command {
  return new Command("stop")
    .description(
      "of a process: why it is stopped; else end this user's daemon: unmount everything, let every process go",
    )
    .argument("[pid]", "a pid, or the directory of a process below a mount")
    .option("--force", "of the daemon: lift the limits of commands that run; it ends with the last of them")
    .option("--json", "of a process: for programs")
    .action(async (pid: string | undefined, flags: Flags, command: Command) => {
      const place = command.optsWithGlobals<TreePlace>();
      if (pid !== undefined) {
        if (flags.force) throw new Errno("EINVAL", "--force is for the daemon");
        await showWhy(pid, flags, place);
        return;
      }
      // What is about this host must not be taken for something about another.
      if (place.remote !== undefined)
        throw new Errno("EINVAL", "only this user's own daemon can be ended: say stop PID");
      if ((await stopDaemon(flags.force ?? false)) === "none") throw new Errno("ESRCH", "no daemon of this user runs");
    });
}
