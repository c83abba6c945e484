import { Errno } from "../base/errno.ts";
import { hexNumber } from "./hex.ts";
import { parseThreadId, type ThreadId } from "./thread-id.ts";

/** What is to become of some threads: vCont. */
export interface ResumeAction {
  readonly kind: "continue" | "step" | "range" | "stop";
  /** As the client numbers signals; 0 is none. */
  readonly signal: number;
  /** Of a range: steps go on while the program counter is in it. The end is not in it. */
  readonly start?: number;
  readonly end?: number;
  /** Absent: every thread that no other action names. */
  readonly thread?: ThreadId;
}

const KINDS: Readonly<Record<string, ResumeAction["kind"]>> = { c: "continue", s: "step", t: "stop", r: "range" };

function action(text: string): ResumeAction {
  const [what = "", thread, ...rest] = text.split(":");
  const letter = what.slice(0, 1);
  const kind = KINDS[letter.toLowerCase()];
  const argument = what.slice(1);
  const takesSignal = letter === "C" || letter === "S";
  if (!kind || rest.length > 0 || (letter !== letter.toLowerCase() && !takesSignal))
    throw new Errno("EINVAL", `vCont has no action ${JSON.stringify(text.slice(0, 40))}`);
  const named = thread === undefined ? {} : { thread: parseThreadId(thread) };
  if (kind === "range") {
    const [start = "", end = "", ...more] = argument.split(",");
    if (more.length > 0) throw new Errno("EINVAL", "a range has two addresses");
    return { kind, signal: 0, start: hexNumber(start), end: hexNumber(end), ...named };
  }
  if (!takesSignal && argument !== "") throw new Errno("EINVAL", `${letter} is said without ${argument.slice(0, 20)}`);
  return { kind, signal: takesSignal ? hexNumber(argument) : 0, ...named };
}

/** `c;s:1;C0b:p1.2`, as behind `vCont;`. EINVAL. */
export function parseResume(text: string): readonly ResumeAction[] {
  return text.split(";").map(action);
}

/** The old `c`, `s`, `Csig` and `Ssig`: of the thread that `Hc` has chosen. An address to go on at is not taken. EINVAL. */
export function parseOldResume(text: string): readonly ResumeAction[] {
  const [what = "", at] = text.split(";");
  const hasSignal = text.startsWith("C") || text.startsWith("S");
  if (at !== undefined || (!hasSignal && what.length > 1)) throw new Errno("EINVAL", "set the program counter instead");
  return [action(what)];
}

/** The action for one thread: the first that names it, or everybody. */
export function actionFor(actions: readonly ResumeAction[], pid: number, tid: number): ResumeAction | undefined {
  return actions.find(({ thread }) => {
    if (!thread) return true;
    const isProcess = thread.pid === undefined || typeof thread.pid === "string" || thread.pid === pid;
    return isProcess && (typeof thread.tid === "string" || thread.tid === tid);
  });
}
