import { resolve } from "node:path";
import { Command } from "commander";
import { runningDaemon } from "../../app/daemon/client.ts";
import { NODE_FLAGS } from "../../app/node-flags.ts";
import { type InitSystem, initSystem } from "../../app/service/init-systems.ts";
import { installService, isInstalled, removeService, serviceCommands } from "../../app/service/service.ts";
import { utf8 } from "../../core/base/text.ts";
import { readArgument } from "../size-argument.ts";
import { show } from "../terminal.ts";

/** What init scripts answer for a service that does not run (Linux Standard Base). */
const NOT_RUNNING = 3;

const INIT = [
  "--init <system>",
  "systemd, openrc or init, instead of what runs this host",
  readArgument(initSystem),
] as const;

interface InstallFlags {
  readonly init?: InitSystem;
  readonly config?: string;
  readonly mount?: string;
  readonly agent?: true;
  readonly print?: true;
}

const say = (line: string): void => show(utf8(`${line}\n`));

function installCommand(): Command {
  return new Command("install")
    .description("have the host start root's daemon, now and whenever it starts")
    .option("--config <file>", "the limits of users, instead of /etc/lyonnais/limits.toml")
    .option("--mount <dir>", "mount the process file system there, for all users")
    .option("--agent", "let container runtimes connect; see agent")
    .option(...INIT)
    .option("--print", "print the file that would be written, and change nothing")
    .action(({ init = initSystem(), config, mount, agent, print }: InstallFlags) => {
      const program = [process.execPath, ...NODE_FLAGS, process.argv[1]!];
      const absolute = (path: string | undefined): string | undefined => (path === undefined ? path : resolve(path));
      const options = { program, config: absolute(config), mount: absolute(mount), agent };
      if (print) show(utf8(init.text(serviceCommands(options))));
      else {
        installService(init, options);
        say(`installed ${init.file}`);
      }
    });
}

function removeCommand(): Command {
  return new Command("remove")
    .description("stop root's daemon, which lifts all limits, and have the host start it no more")
    .option(...INIT)
    .action(({ init = initSystem() }: { init?: InitSystem }) => {
      removeService(init);
      say(`removed ${init.file}`);
    });
}

function statusCommand(): Command {
  return new Command("status")
    .description("whether the service is installed, and the daemon runs")
    .option(...INIT)
    .action(async ({ init = initSystem() }: { init?: InitSystem }) => {
      const pid = await runningDaemon();
      say(isInstalled(init) ? `installed: ${init.file}` : `not installed: there is no ${init.file}`);
      say(pid === undefined ? "the daemon does not run" : `the daemon runs: process ${pid}`);
      if (pid === undefined) process.exitCode = NOT_RUNNING;
    });
}

export function serviceCommand(): Command {
  return new Command("service")
    .description("root's daemon as a service of the host")
    .addCommand(installCommand())
    .addCommand(removeCommand())
    .addCommand(statusCommand());
}
