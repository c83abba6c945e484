import { escapeOctal } from "../../base/text.ts";
import { mapOutcome } from "../../vfs/parked.ts";
import { openText, type ProcFile } from "../file.ts";
import type { ProcessInfo, TimeVal } from "../ports.ts";

const time = ({ sec, usec }: TimeVal): string => `${sec} ${usec}`;

/** The line of 1993, docs/semantics.md, "The status line": blank-separated, the egid again as the first of the groups. */
export function renderStatus(info: ProcessInfo, escaped: boolean): string {
  const tty = info.tty ? `${info.tty.major},${info.tty.minor}` : "-1,-1";
  const flags = [info.sessionHasTty ? "ctty" : "", info.sessionLeader ? "sldr" : ""].filter(Boolean).join(",");
  return `${[
    escaped ? escapeOctal(info.comm) : info.comm,
    info.pid,
    info.ppid,
    info.pgrp,
    info.session,
    tty,
    flags || "noflags",
    time(info.start),
    time(info.user),
    time(info.system),
    info.waitChannel || "nochan",
    info.euid,
    info.egid,
    info.egid,
    ...info.groups,
  ].join(" ")}\n`;
}

export const status: ProcFile = {
  name: "status",
  kind: "file",
  slot: 6,
  mode: 0o444,
  doc: "one line: comm pid ppid pgid sid tty flags start user system wchan euid egid groups",
  open: openText(({ process, opener, options }) =>
    mapOutcome(process.info(opener), (info) => renderStatus(info, options.profile !== "1993")),
  ),
};
