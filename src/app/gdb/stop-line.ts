/** What a line of `events` or `stop` says, procfs(5). */
export type Happening =
  | StopHappening
  | { readonly kind: "exited" | "killed"; readonly value: number }
  /** Its end was not seen; its controller is another or nobody; events were lost; it runs. */
  | { readonly kind: "gone" | "detached" | "missed" | "running" };

/** It has stopped, under control. */
export interface StopHappening {
  readonly kind: "stop";
  /** The first word: `signal`, `step`, `exec`, `break`, … */
  readonly why: string;
  /** What stands between that and the thread. */
  readonly words: readonly string[];
  /** The thread that it is about, and where that stands. */
  readonly tid: number;
  readonly pc: number | undefined;
}

const STOP = /^(\S+)((?: \S+)*?) thread (\d+)(?: pc 0x([0-9a-f]+))?$/;

/** Undefined for a line that is none of them: of another kind of server. */
export function parseStopLine(line: string): Happening | undefined {
  const stop = STOP.exec(line);
  if (stop) {
    const [, why, words, tid, pc] = stop;
    return {
      kind: "stop",
      why: why!,
      words: words!.split(" ").slice(1),
      tid: Number(tid),
      pc: pc === undefined ? undefined : Number.parseInt(pc, 16),
    };
  }
  const [word, value] = line.split(" ");
  switch (word) {
    case "exited":
    case "killed":
      return { kind: word, value: Number(value) };
    case "gone":
    case "detached":
    case "missed":
    case "running":
      return { kind: word };
    default:
      return undefined;
  }
}

/** A line of `events`: number and time before what `stop` would say. */
export function parseEventLine(line: string): Happening | undefined {
  return parseStopLine(line.replace(/^\d+ \d+\.\d+ /, ""));
}
