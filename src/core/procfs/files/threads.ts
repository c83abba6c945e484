import { invariant } from "../../base/assert.ts";
import { escapeOctal } from "../../base/text.ts";
import { mapOutcome } from "../../vfs/parked.ts";
import { openText, type ProcDir, type ProcFile } from "../file.ts";
import type { ThreadInfo } from "../inspection-port.ts";
import type { TimeVal } from "../ports.ts";

export const lwp: ProcDir = {
  name: "lwp",
  kind: "dir",
  slot: 25,
  mode: 0o555,
  doc: "a directory for each thread, named by its id",
};

const time = ({ sec, usec }: TimeVal): string => `${sec} ${usec}`;

export function renderThread(tid: number, { comm, state, user, system, waitChannel }: ThreadInfo): string {
  return `${escapeOctal(comm)} ${tid} ${state} ${time(user)} ${time(system)} ${waitChannel || "nochan"}\n`;
}

/** `status` of a thread. */
export const threadStatus: ProcFile = {
  name: "status",
  kind: "file",
  slot: 6,
  mode: 0o444,
  doc: "one line: comm tid state user system wchan",
  open: openText(({ process, tid, opener, ports }) => {
    invariant(tid !== undefined, "procfs/threads: no thread");
    return mapOutcome(ports.inspection.thread(process, opener, tid), (info) => renderThread(tid, info));
  }),
};

export const wchan: ProcFile = {
  name: "wchan",
  kind: "file",
  slot: 26,
  mode: 0o444,
  doc: "what it sleeps on, `nochan` when it does not sleep or the reader may not know",
  open: openText(({ process, tid, opener, ports }) => {
    const info = tid === undefined ? process.info(opener) : ports.inspection.thread(process, opener, tid);
    return mapOutcome<{ readonly waitChannel: string }, string>(
      info,
      ({ waitChannel }) => `${waitChannel || "nochan"}\n`,
    );
  }),
};
