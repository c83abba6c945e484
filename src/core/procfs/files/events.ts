import { isErrno } from "../../base/errno.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Handle } from "../../vfs/node.ts";
import { chainOutcome } from "../../vfs/parked.ts";
import { perform, type Steps, step } from "../../vfs/steps.ts";
import { EventReader } from "../event-reader.ts";
import { mayDebug, type OpenContext, type ProcFile } from "../file.ts";
import { differ } from "../rights.ts";

/** Of a process that is gone nobody can be asked: what it has left is for who opened the file. */
function* mayRead(context: OpenContext, caller: Caller): Steps<void> {
  try {
    yield* step(mayDebug(context, caller));
  } catch (error) {
    if (!isErrno(error, "ESRCH") || differ(context.opener, context.ports.access.recorded(caller, false))) throw error;
  }
}

function openEvents(context: OpenContext): Handle {
  const { mode, ports, process } = context;
  const open = (news: () => void): ReturnType<typeof ports.tracer.events> => ports.tracer.events(process, news);
  return new EventReader(mode, open, (caller) => perform(mayRead(context, caller))).handle;
}

export const events: ProcFile = {
  name: "events",
  kind: "file",
  slot: 24,
  mode: 0o400,
  doc: "what happens to the process from now on, a line each: number, time, and as in `stop`; reading waits",
  open: (context) => chainOutcome(mayDebug(context, context.opener), () => openEvents(context)),
};
