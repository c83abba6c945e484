import { existsSync } from "node:fs";
import { Errno } from "../../core/base/errno.ts";

/** What the service runs, each a program and its arguments. */
export interface ServiceCommands {
  /** Starts the daemon, and returns when it serves. */
  readonly start: readonly string[];
  /** What is done when it serves: a mount, an agent. */
  readonly after: readonly (readonly string[])[];
  readonly stop: readonly string[];
  readonly reload: readonly string[];
  readonly status: readonly string[];
}

/** A system that starts services. */
export interface InitSystem {
  readonly name: "systemd" | "openrc" | "init";
  /** The file that tells it of the service. */
  readonly file: string;
  readonly mode: number;
  /** Whether this host is run by it. */
  isHere(): boolean;
  text(commands: ServiceCommands): string;
  /** The commands by which it takes the service on and starts it, and by which it stops and forgets it. */
  readonly enable: readonly (readonly string[])[];
  readonly disable: readonly (readonly string[])[];
}

const DESCRIPTION = "limits on anonymous memory, and the BSD process file system";

/** For systemd.service(5): quoted, without specifiers and variables. */
function systemdWord(word: string): string {
  const escaped = word.replace(/%/g, "%%").replace(/\$/g, "$$$$").replace(/["\\]/g, "\\$&");
  return /[\s'"\\;]/.test(word) ? `"${escaped}"` : escaped;
}

/** For sh(1). */
const shellWord = (word: string): string =>
  /^[\w./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

const systemdLine = (words: readonly string[]): string => words.map(systemdWord).join(" ");
const shellLine = (words: readonly string[]): string => words.map(shellWord).join(" ");

/**
 * The daemon is no child of systemd's, and is not restarted by it: its keeper starts the next one within half a second and holds the listeners
 * meanwhile, which systemd would close. So the unit is active as long as nobody stops it, and stopping it kills no process.
 */
function systemdUnit({ start, after, stop, reload }: ServiceCommands): string {
  const line = (key: string, words: readonly string[]): string => `${key}=${systemdLine(words)}\n`;
  return `[Unit]
Description=lyonnais: ${DESCRIPTION}
After=local-fs.target
# Whoever logs in is to be under a limit from the first moment.
Before=systemd-user-sessions.service

[Service]
Type=oneshot
RemainAfterExit=yes
KillMode=process
Environment=XDG_STATE_HOME=/var/lib
${line("ExecStart", start)}${after.map((words) => line("ExecStartPost", words)).join("")}${line("ExecReload", reload)}${line("ExecStop", stop)}TimeoutStartSec=60
TimeoutStopSec=30
LimitNOFILE=65536
OOMScoreAdjust=-900
TasksMax=infinity

[Install]
WantedBy=multi-user.target
`;
}

function openrcScript({ start, after, stop, reload, status }: ServiceCommands): string {
  const started = [start, ...after].map((words) => `  ${shellLine(words)} || return 1`).join("\n");
  return `#!/sbin/openrc-run
description="lyonnais: ${DESCRIPTION}"
extra_started_commands="reload"

export XDG_STATE_HOME=\${XDG_STATE_HOME:-/var/lib}

depend() {
  need localmount
  before sshd cronie local
}

start() {
  ebegin "Starting lyonnais"
${started}
  eend 0
}

stop() {
  ebegin "Stopping lyonnais"
  ${shellLine(stop)}
  eend $?
}

reload() {
  ${shellLine(reload)}
}

status() {
  ${shellLine(status)}
}
`;
}

function initScript({ start, after, stop, reload, status }: ServiceCommands): string {
  return `#!/bin/sh
### BEGIN INIT INFO
# Provides:          lyonnais
# Required-Start:    $local_fs
# Required-Stop:     $local_fs
# X-Start-Before:    ssh cron
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: ${DESCRIPTION}
### END INIT INFO

export XDG_STATE_HOME="\${XDG_STATE_HOME:-/var/lib}"

case "\${1-}" in
  start) ${[start, ...after].map(shellLine).join(" && ")} ;;
  stop) ${shellLine(stop)} ;;
  restart | force-reload) "$0" stop && "$0" start ;;
  reload) ${shellLine(reload)} ;;
  status) ${shellLine(status)} ;;
  *)
    echo "usage: $0 start|stop|restart|reload|status" >&2
    exit 2
    ;;
esac
`;
}

const UNIT = "lyonnais.service";
const SCRIPT = "/etc/init.d/lyonnais";

/** In the order in which it is asked which of them runs this host. */
export const INIT_SYSTEMS: readonly InitSystem[] = [
  {
    name: "systemd",
    file: `/etc/systemd/system/${UNIT}`,
    mode: 0o644,
    isHere: () => existsSync("/run/systemd/system"),
    text: systemdUnit,
    enable: [
      ["systemctl", "daemon-reload"],
      ["systemctl", "enable", "--now", UNIT],
    ],
    disable: [["systemctl", "disable", "--now", UNIT]],
  },
  {
    name: "openrc",
    file: SCRIPT,
    mode: 0o755,
    isHere: () => existsSync("/run/openrc"),
    text: openrcScript,
    enable: [
      ["rc-update", "add", "lyonnais", "default"],
      ["rc-service", "lyonnais", "start"],
    ],
    disable: [
      ["rc-service", "lyonnais", "stop"],
      ["rc-update", "del", "lyonnais"],
    ],
  },
  {
    name: "init",
    file: SCRIPT,
    mode: 0o755,
    isHere: () => true,
    text: initScript,
    enable: [[SCRIPT, "start"]],
    disable: [[SCRIPT, "stop"]],
  },
];

/** The system of that name, or without one the system that runs this host. EINVAL for another name. */
export function initSystem(name?: string): InitSystem {
  const found = INIT_SYSTEMS.find((each) => (name === undefined ? each.isHere() : each.name === name));
  if (found) return found;
  throw new Errno("EINVAL", `${name} is none of ${INIT_SYSTEMS.map((each) => each.name).join(", ")}`);
}
