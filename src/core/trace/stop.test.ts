import assert from "node:assert/strict";
import { test } from "node:test";
import {
  PTRACE_EVENT_CLONE,
  PTRACE_EVENT_EXEC,
  PTRACE_EVENT_FORK,
  PTRACE_EVENT_STOP,
  PTRACE_EVENT_VFORK,
} from "../abi/ptrace.ts";
import { classifyStop, isReportable, type Stop } from "./stop.ts";

const SIGTRAP = 5;
const SIGUSR1 = 10;
const SIGTSTP = 20;
const PTRACE_EVENT_VFORK_DONE = 5;

const ROWS: readonly (readonly [signal: number, event: number, stepping: boolean, stop: Stop, told: boolean])[] = [
  [SIGUSR1, 0, false, { kind: "signal", signal: SIGUSR1 }, true],
  [SIGUSR1, 0, true, { kind: "signal", signal: SIGUSR1 }, true],
  [SIGTRAP, 0, true, { kind: "step" }, true],
  [SIGTRAP, 0, false, { kind: "signal", signal: SIGTRAP }, true],
  [SIGTRAP, PTRACE_EVENT_STOP, false, { kind: "trap" }, false],
  [SIGTRAP, PTRACE_EVENT_STOP, true, { kind: "trap" }, false],
  [SIGTSTP, PTRACE_EVENT_STOP, false, { kind: "group", signal: SIGTSTP }, true],
  [SIGTRAP, PTRACE_EVENT_EXEC, true, { kind: "exec" }, true],
  [SIGTRAP, PTRACE_EVENT_CLONE, false, { kind: "clone" }, false],
  [SIGTRAP, PTRACE_EVENT_FORK, false, { kind: "clone" }, false],
  [SIGTRAP, PTRACE_EVENT_VFORK, false, { kind: "vfork" }, false],
  [SIGTRAP, PTRACE_EVENT_VFORK_DONE, false, { kind: "vforked" }, false],
];

for (const [signal, event, stepping, stop, told] of ROWS) {
  test(`signal ${signal}, event ${event}${stepping ? ", in a step" : ""}: ${stop.kind}${told ? ", told" : ""}`, () => {
    assert.deepEqual(classifyStop(signal, event, stepping ? "step" : "run"), stop);
    assert.equal(isReportable(stop), told);
  });
}
