import assert from "node:assert/strict";
import { test } from "node:test";
import { X86_64 } from "../../core/abi/arch/x86-64.ts";
import { PTRACE_EVENT_STOP, SYSCALL_STOP } from "../../core/abi/ptrace.ts";
import { SIGSTOP, SIGSYS, SIGTRAP } from "../../core/abi/signal.ts";
import type { Tid } from "../../core/base/brand.ts";
import { onlySignal, QUIET, withSignal } from "../../core/trace/remote-call.ts";
import type { Stop } from "../../core/trace/stop.ts";
import { perform, type Steps } from "../../core/vfs/steps.ts";
import { type RawStop, RemoteThread } from "./remote-thread.ts";

const CALL: RawStop = { signal: SIGTRAP | SYSCALL_STOP, event: 0 };
const TRAP: RawStop = { signal: SIGTRAP, event: PTRACE_EVENT_STOP };
const OWN_MASK = 0x10n;
const SIGUSR1 = 10;

/** A thread on paper that makes the given stops, one after the other, and records what is asked of it. */
function paper(stop: Stop, stops: readonly RawStop[], shown = false, signalCode = 0) {
  const log: string[] = [];
  const rest = [...stops];
  let mask = OWN_MASK;
  const names = new Map([
    [OWN_MASK, "own"],
    [QUIET, "quiet"],
    [withSignal(QUIET, SIGSYS), "quiet+sys"],
    [onlySignal(SIGUSR1), "only usr1"],
  ]);
  const registers = new Uint8Array(X86_64.registerSize).fill(7);
  const remote = new RemoteThread(
    {
      arch: X86_64,
      port: {
        registers: () => registers.slice(),
        setRegisters: (set) => log.push(set.every((byte) => byte === 7) ? "own registers" : "call"),
        signalMask: () => mask,
        setSignalMask: (set) => {
          mask = set;
          log.push(names.get(set) ?? set.toString(16));
        },
        signalCode: () => signalCode,
        isPending: () => true,
        interrupt: () => log.push("interrupt"),
        resume: (how, signal) => log.push(`${how} ${signal}`),
      },
      nextStop: () => {
        const next = rest.shift();
        assert.ok(next, "one stop more than there are");
        return next;
      },
      kill: (signal) => log.push(`kill ${signal}`),
    },
    { tid: 1 as Tid, stop, shown },
  );
  function* all(): Steps<Stop> {
    yield* remote.prepare();
    try {
      yield* remote.call(0x1000, 3, [5]);
    } catch {
      log.push("refused");
    }
    return yield* remote.restore();
  }
  return { left: perform(all()) as Stop, log: log.join(", "), rest };
}

test("from a trap to a trap", () => {
  const { left, log, rest } = paper({ kind: "trap" }, [CALL, CALL, TRAP]);
  assert.equal(log, "quiet, call, syscall 0, syscall 0, interrupt, run 0, own registers, own");
  assert.deepEqual([left, rest], [{ kind: "trap" }, []]);
});

test("a signal nobody was shown is delivered first", () => {
  const { left, log } = paper({ kind: "signal", signal: SIGUSR1 }, [TRAP, CALL, CALL, TRAP]);
  assert.match(log, /^interrupt, run 10, quiet, call, /);
  assert.deepEqual(left, { kind: "trap" });
});

test("a signal that was shown is there again, with its mask", () => {
  const stops = [TRAP, CALL, CALL, TRAP, { signal: SIGUSR1, event: 0 }];
  const { left, log } = paper({ kind: "signal", signal: SIGUSR1 }, stops, true);
  assert.match(log, /^quiet, interrupt, run 10, call, .*own registers, own, only usr1, run 0, own$/);
  assert.deepEqual(left, { kind: "signal", signal: SIGUSR1 });
});

test("a SIGSTOP meanwhile takes place, and the thread goes on for us", () => {
  const group: RawStop = { signal: SIGSTOP, event: PTRACE_EVENT_STOP };
  const { left, log } = paper({ kind: "trap" }, [{ signal: SIGSTOP, event: 0 }, group, CALL, CALL, group]);
  assert.match(log, /call, syscall 0, syscall 19, syscall 0, syscall 0, interrupt/);
  assert.deepEqual(left, { kind: "group", signal: SIGSTOP });
});

test("a signal somebody sends that looks like the kernel's is kept", () => {
  const { log } = paper({ kind: "trap" }, [{ signal: SIGSYS, event: 0 }, CALL, CALL, TRAP]);
  assert.match(log, /call, syscall 0, quiet\+sys, syscall 31, syscall 0, interrupt/);
});

test("a call that is refused leaves everything as it was", () => {
  const { left, log } = paper({ kind: "trap" }, [{ signal: SIGSYS, event: 0 }, TRAP], false, 1);
  assert.equal(log, "quiet, call, syscall 0, refused, interrupt, run 0, own registers, own");
  assert.deepEqual(left, { kind: "trap" });
});
