import type { Breakpoint, Debugger, Patched } from "../../src/core/procfs/breakpoints-port.ts";

export interface PaperBreakpoints extends Debugger {
  readonly rows: Breakpoint[];
  /** What stands in memory. */
  planted: Patched[];
  /** Where they are being put in or taken out. */
  busy: readonly number[];
}

/** Breakpoints on paper: what is asked is noted in `calls`. The instruction is two bytes, 0xcc 0xcd. */
export function paperBreakpoints(calls: string[]): PaperBreakpoints {
  const rows: Breakpoint[] = [];
  const paper: PaperBreakpoints = {
    rows,
    planted: [],
    busy: [],
    changing: () => paper.busy,
    breakInstruction: new Uint8Array([0xcc, 0xcd]),
    breakAt: (_process, _caller, request) => {
      calls.push(
        `${request.kind} ${request.asked}${request.watch ? ` ${request.watch.length} ${request.watch.access}` : ""}`,
      );
      rows.push({ ...request, number: rows.length + 1, hits: 0, missing: false });
    },
    clear: (_process, _caller, which) => {
      calls.push(`clear ${which}`);
    },
    goTo: (_process, _caller, { kind, asked }) => {
      calls.push(asked === "" ? kind : `${kind} ${asked}`);
    },
    next: () => {
      calls.push("next");
    },
    ignore: (_process, _caller, names, tell) => {
      calls.push(`${tell ? "catch" : "ignore"} ${names.join(" ")}`);
    },
    traceCalls: (_process, _caller, names) => {
      calls.push(`trace call ${names.join(" ")}`);
    },
    stackPointer: "r19",
    breakpoints: () => rows,
    patches: () => paper.planted,
  };
  return paper;
}
