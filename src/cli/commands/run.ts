import { Command, InvalidArgumentError } from "commander";
import { JOB_NAME } from "../../app/daemon/run-word.ts";
import { run, startFailure } from "../../app/run.ts";
import { isErrno } from "../../core/base/errno.ts";
import { parseSwapLimit, type SwapBytes } from "../../core/policy/swap-limit.ts";
import { startDaemonInBackground } from "../background.ts";
import { reportError } from "../report.ts";
import { refuseUseless } from "../run-limits.ts";
import { readArgument, sizeArgument } from "../size-argument.ts";

const sizeOf = sizeArgument("infinity");
const limitArgument = readArgument(parseSwapLimit);

function nameArgument(text: string): string {
  if (JOB_NAME.test(text)) return text;
  throw new InvalidArgumentError("say letters, digits and . _ : @ + -, 63 at most");
}

interface RunFlags {
  readonly swap?: SwapBytes;
  readonly job?: number;
  readonly countOnly?: boolean;
  readonly repair: boolean;
  readonly name?: string;
}

const NONE: SwapBytes = { soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY };

export function runCommand(): Command {
  return new Command("run")
    .description("run a command whose memory is counted, and refused beyond a limit; -w does not bind root, -j does")
    .option(
      "-w, --swap <size>",
      "RLIMIT_SWAP, soft or soft:hard, as 512m or infinity: what its user may have reserved in all",
      limitArgument,
    )
    .option("-j, --job <size>", "what the command and its children may have reserved together", sizeOf)
    .option(
      "--count-only",
      "of root: -w is to be kept and bind whoever the command becomes; root itself is only counted",
    )
    .option("--name <name>", "what the command's job is called in the file jobs", nameArgument)
    .option("--no-repair", "leave calls alone that a signal interrupts: they can fail with EINTR")
    .argument("<command...>", "with its arguments; -- keeps ours apart")
    .passThroughOptions()
    .action(async (command: string[], flags: RunFlags) => {
      const { swap = NONE, job = Number.POSITIVE_INFINITY, countOnly = false, repair, name } = flags;
      try {
        refuseUseless({ soft: swap.soft, budget: job, countOnly }, process.geteuid!());
        const started = await run(command.length, { ...swap, budget: job, repair, name }, startDaemonInBackground);
        if (!started) process.exitCode = 126;
      } catch (error) {
        if (!isErrno(error)) throw error;
        reportError(`run ${command[0]}`, error);
        process.exitCode = startFailure(error);
      }
    });
}
