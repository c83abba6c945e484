import { Command } from "commander";
import { askRunningDaemon } from "../../app/daemon/client.ts";
import { DEFAULT_CONFIG, policyFile, policyFiles } from "../../app/policy/policy-files.ts";
import { hostDirectory, hostSubordinates, readPolicy } from "../../app/policy/read-policy.ts";
import { showAll, showUid, uidNamed } from "../../app/policy/show-policy.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { utf8 } from "../../core/base/text.ts";
import { formatProblem } from "../../core/policy/statement.ts";
import { subordinateWarnings } from "../../core/policy/subordinates.ts";
import { show } from "../terminal.ts";

const CONFIG = ["--config <file>", `instead of ${DEFAULT_CONFIG}; limits.d beside it is read, too`] as const;

const print = (lines: readonly string[]): void => show(utf8(lines.map((line) => `${line}\n`).join("")));

function checkCommand(): Command {
  return new Command("check")
    .description("say what is wrong with the limits as they are written, with file, line and column")
    .argument("[file]", `one file; without it ${DEFAULT_CONFIG} and what is in limits.d`)
    .option(...CONFIG)
    .action((file: string | undefined, { config = DEFAULT_CONFIG }: { config?: string }) => {
      const files = file === undefined ? policyFiles(config) : [policyFile(file)];
      if (files.length === 0) throw new Errno("ENOENT", `there is no file ${config}: no limits are set`);
      const directory = hostDirectory();
      const { policy, problems: wrong } = readPolicy(files, directory);
      const problems = [...wrong, ...subordinateWarnings(policy, directory, hostSubordinates())];
      print(problems.map(formatProblem));
      if (problems.some(({ isWarning }) => !isWarning)) process.exitCode = 1;
    });
}

function showCommand(): Command {
  return new Command("show")
    .description("what holds for a user, and which line says so")
    .argument("[uid]", "a uid or a user's name; without it every setting, the most specific first")
    .option(...CONFIG)
    .action(async (who: string | undefined, { config }: { config?: string }) => {
      const said = config === undefined ? await askedOfDaemon(who) : undefined;
      if (said !== undefined) {
        print(said.split("\n"));
        return;
      }
      const { policy, problems } = readPolicy(policyFiles(config ?? DEFAULT_CONFIG));
      const broken = problems.find(({ isWarning }) => !isWarning);
      if (broken) throw new Errno("EINVAL", `${formatProblem(broken)}; lyonnais limits check tells all`);
      const directory = hostDirectory();
      const uid = who === undefined ? undefined : uidNamed(who, directory);
      if (who !== undefined && uid === undefined) throw new Errno("ENOENT", `/etc/passwd has no user ${who}`);
      print([
        ...(uid === undefined ? showAll(policy) : showUid(policy, uid, directory)),
        "# as the files say; no daemon that was asked goes by them",
      ]);
    });
}

/** What the daemon goes by; undefined where none runs that reads limits. */
async function askedOfDaemon(who = ""): Promise<string | undefined> {
  try {
    return await askRunningDaemon(`limits show ${who}`.trimEnd());
  } catch (error) {
    if (isErrno(error, "EOPNOTSUPP")) return undefined;
    throw error;
  }
}

function reloadCommand(): Command {
  return new Command("reload")
    .description("have the daemon read the limits again: they hold for whoever runs, at once")
    .action(async () => {
      const said = await askRunningDaemon("limits reload");
      if (said === undefined)
        throw new Errno("ESRCH", "no daemon of this user runs; one reads the limits when it begins");
      print([said]);
    });
}

export function limitsCommand(): Command {
  return new Command("limits")
    .description("what users may have, set once by the administrator")
    .addCommand(checkCommand())
    .addCommand(showCommand())
    .addCommand(reloadCommand());
}
