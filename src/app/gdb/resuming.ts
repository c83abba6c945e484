import { SIGTRAP } from "../../core/abi/signal.ts";
import { Errno } from "../../core/base/errno.ts";
import type { Requests } from "../../core/rsp/requests.ts";
import { actionFor, type ResumeAction } from "../../core/rsp/resume.ts";
import type { Going, Inferior } from "./inferior.ts";
import type { SessionState } from "./session-state.ts";
import { happeningText } from "./stop-text.ts";

/** Whether an action is about one thread, and not about whichever there are. */
const names = ({ thread }: ResumeAction): boolean => typeof thread?.tid === "number";

/** A single thread that runs while the others stand is not among the tree's words. */
async function refuseAlone(inferior: Inferior, actions: readonly ResumeAction[]): Promise<void> {
  if (actions.some((action) => !names(action))) return;
  const standing = (await inferior.threads()).filter((tid) => !actionFor(actions, inferior.pid, tid));
  if (standing.length > 0)
    throw new Errno("EOPNOTSUPP", "one thread cannot run while others stand: set scheduler-locking off");
}

/** What vCont means in words: a step is of one thread, while the others stand; else all run. */
async function goingOf(
  state: SessionState,
  inferior: Inferior,
  { actions, old }: Requests["resume"],
): Promise<Going | undefined> {
  const { stop } = inferior;
  const moves = actions.filter(({ kind }) => kind !== "stop");
  if (moves.length === 0) return undefined;
  const step = moves.find(({ kind }) => kind === "step" || kind === "range");
  const withSignal = moves.find(({ signal }) => signal !== 0);
  const action = step ?? withSignal ?? moves[0]!;
  const tid = typeof action.thread?.tid === "number" ? action.thread.tid : (state.chosen ?? stop.tid);
  const signal = state.fromClient(action.signal);
  if (!step) {
    if (!old && !state.hostSignals) await refuseAlone(inferior, moves);
    return { how: "run", tid, signal };
  }
  const { start, end } = step;
  if (start === undefined || end === undefined) return { how: "step", tid, signal };
  return { how: "step", tid, signal, goesOn: (pc) => pc >= start && pc < end };
}

/**
 * lldb takes it that the program counter stands at a trap that it has written and that was executed; gdb puts it back itself. The trap is
 * told as what it is.
 */
async function standAtTrap({ hostSignals }: SessionState, inferior: Inferior): Promise<void> {
  const { stop, patches, registers, processor } = inferior;
  const { layout, arch } = processor;
  if (!hostSignals || stop.why !== "signal" || Number(stop.words[0]) !== SIGTRAP || stop.pc === undefined) return;
  const address = stop.pc - layout.trapAdvance;
  if (!patches.has(address)) return;
  const value = new Uint8Array(8);
  new DataView(value.buffer).setBigUint64(0, BigInt(address), true);
  await registers.write(stop.tid, registers.find(registers.numberOf(arch.programCounter)), value);
  inferior.stop = { ...stop, why: "break", words: [], pc: address };
}

/** Lets the process go on and answers when it has stopped, or ended. */
export async function resume(state: SessionState, says: Requests["resume"]): Promise<string> {
  const inferior = state.target;
  const going = await goingOf(state, inferior, says);
  if (!going) return happeningText(state, inferior, inferior.stop);
  const happening = await inferior.go(going);
  state.chosen = undefined;
  if (happening.kind === "stop") await standAtTrap(state, inferior);
  return happeningText(state, inferior, happening);
}
