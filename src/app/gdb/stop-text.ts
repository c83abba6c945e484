import { SIGINT, SIGTRAP } from "../../core/abi/signal.ts";
import { hexOfText } from "../../core/rsp/hex.ts";
import type { PointKind } from "../../core/rsp/requests.ts";
import { formatEnd, formatStop } from "../../core/rsp/stop-reply.ts";
import { formatThreadId } from "../../core/rsp/thread-id.ts";
import { executablePath } from "./executable.ts";
import type { Inferior } from "./inferior.ts";
import type { SessionState } from "./session-state.ts";
import type { Happening, StopHappening } from "./stop-line.ts";

type Reason = readonly [name: string, value: string];

/** What a watchpoint of that kind is called when it has stopped somebody. */
const WATCH_REASONS: Readonly<Partial<Record<PointKind, string>>> = {
  write: "watch",
  read: "rwatch",
  access: "awatch",
};

/** The host's signal by which a client is told of a stop; 0 is none. */
export function signalOf({ why, words }: StopHappening, isInterrupted: boolean): number {
  if (why === "signal" || why === "stopped") return Number(words[0]);
  if (why === "attach") return 0;
  // The end of one step among many is none that was waited for.
  if (isInterrupted && (why === "halt" || why === "step")) return SIGINT;
  return why === "halt" ? 0 : SIGTRAP;
}

/** What lldb calls it. */
export function lldbReason({ why }: StopHappening): string {
  if (why === "step") return "trace";
  if (why === "break") return "breakpoint";
  if (why === "watch") return "watchpoint";
  return why === "exec" ? "exec" : "signal";
}

async function reasonsOf(state: SessionState, inferior: Inferior): Promise<readonly Reason[]> {
  const { stop, points, files } = inferior;
  const reasons: Reason[] = [];
  if (state.listsThreads) {
    const threads = await inferior.threads();
    reasons.push(["threads", threads.map((tid) => tid.toString(16)).join(",")], ["reason", lldbReason(stop)]);
  }
  if (stop.why === "break" && state.wantsBreaks) {
    const isHardware = points.byNumber(Number(stop.words[0]))?.kind === "hardware";
    reasons.push([isHardware ? "hwbreak" : "swbreak", ""]);
  }
  const watched = stop.why === "watch" ? points.byNumber(Number(stop.words[0])) : undefined;
  if (watched) reasons.push([WATCH_REASONS[watched.kind] ?? "watch", watched.address.toString(16)]);
  if (stop.why === "exec" && state.followsExec) reasons.push(["exec", hexOfText(await executablePath(files))]);
  return reasons;
}

/** The stop that lasts, as the client is told of it. */
export async function stopText(state: SessionState, inferior: Inferior): Promise<string> {
  const { stop, registers, processor } = inferior;
  const reasons = await reasonsOf(state, inferior);
  const expedited = processor.layout.expedited.map(async (name) => {
    const number = registers.numberOf(name);
    return [number, await registers.value(stop.tid, registers.find(number))] as const;
  });
  return formatStop({
    signal: state.toClient(signalOf(stop, inferior.isInterrupted)),
    reasons,
    thread: formatThreadId(inferior.pid, stop.tid, state.withPid),
    registers: await Promise.all(expedited),
  });
}

/** Whatever has happened. */
export async function happeningText(state: SessionState, inferior: Inferior, happening: Happening): Promise<string> {
  if (happening.kind === "stop") return stopText(state, inferior);
  const end =
    happening.kind === "exited" || happening.kind === "killed"
      ? { kind: happening.kind, value: happening.kind === "killed" ? state.toClient(happening.value) : happening.value }
      : ({ kind: "exited", value: 0 } as const);
  return formatEnd(end, inferior.pid, state.withPid);
}
