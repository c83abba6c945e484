import assert from "node:assert/strict";
import { test } from "node:test";
import { X86_64 } from "../../core/abi/arch/x86-64.ts";
import { Errno } from "../../core/base/errno.ts";
import type { AddressSpace } from "../../core/procfs/ports.ts";
import type { Patch } from "../../core/trace/code-port.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import { perform } from "../../core/vfs/steps.ts";
import { LiveCode } from "./live-code.ts";
import type { LivePtrace } from "./live-ptrace.ts";

/** The memory of a process on paper: transfers wait until the test lets them end. */
function scene() {
  const log: string[] = [];
  const transfers: Parked<number>[] = [];
  const wait = (what: string, address: number): Outcome<number> => {
    if (!state.isOpen) throw new Errno("ESRCH", "closed");
    log.push(`${what} ${address}`);
    const parked = new Parked<number>();
    transfers.push(parked);
    return parked;
  };
  const state = { isOpen: true, isHeld: true };
  const space: AddressSpace = {
    image: "",
    read: (address) => wait("read", address),
    write: (address) => wait("write", address),
    close: () => {
      state.isOpen = false;
    },
  };
  const spaces = {
    own: () => {
      log.push("open");
      return space;
    },
    ofChild: () => space,
    descriptor: (): number => {
      log.push("descriptor");
      return -1;
    },
  };
  const code = new LiveCode(X86_64, {} as LivePtrace, spaces, () => state.isHeld);
  return { log, transfers, code, state };
}

function failure(outcome: Outcome<unknown>): () => string | undefined {
  let code: string | undefined;
  assert.ok(outcome instanceof Parked);
  outcome.listen({ settled: assert.fail, failed: (error) => (code = error.code) });
  return () => code;
}

test("a check that has waited opens nothing of a process that was let go, or runs, meanwhile", () => {
  const gone = scene();
  const ofGone = failure(perform(gone.code.check(0x1000)));
  gone.code.forget();
  gone.transfers[0]!.settle(2);
  assert.deepEqual([ofGone(), gone.log], ["ESRCH", ["open", "read 4096"]]);

  const running = scene();
  const ofRunning = failure(perform(running.code.check(0x1000)));
  running.state.isHeld = false;
  running.transfers[0]!.settle(2);
  assert.deepEqual([ofRunning(), running.log], ["EBUSY", ["open", "read 4096"]]);
});

test("putting breakpoints in and taking them out ends where the process is ours no more", () => {
  const { code, transfers, log } = scene();
  let planted: readonly Patch[] | undefined;
  code.plant([1, 2, 3], (patches) => {
    planted = patches;
  });
  code.forget();
  transfers[0]!.settle(2);
  assert.deepEqual([planted, log], [[], ["open", "read 1"]]);

  const other = scene();
  const patch = { original: new Uint8Array([0x90]), isCall: false };
  let isDone = false;
  other.code.restore(
    [1, 2, 3].map((address) => ({ address, ...patch })),
    () => {
      isDone = true;
    },
  );
  other.code.forget();
  other.transfers[0]!.fail(new Errno("ESRCH", "gone"));
  assert.deepEqual([isDone, other.log], [true, ["open", "read 1"]]);
});
