import assert from "node:assert/strict";
import { test } from "node:test";
import { X86_64 } from "../../core/abi/arch/x86-64.ts";
import { isErrno } from "../../core/base/errno.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { Attachment, type Tracing } from "./attachment.ts";
import type { Spaces } from "./live-code.ts";

test("nobody waits for a stop of a process that has exited, or was let go", () => {
  for (const [end, code] of [
    ["exited", "ESRCH"],
    ["detached", "EBUSY"],
  ] as const) {
    const tracing = { arch: X86_64, loop: { spin: () => {} } } as unknown as Tracing;
    const hooks = { mostThreads: 1, spaces: {} as Spaces, mayKeepAfterExec: () => true, ended: () => {} };
    const attachment = new Attachment({ pid: 100 } as LiveProcess, undefined, tracing, hooks);
    attachment[end]();
    assert.throws(
      () => attachment.whenStopped(assert.fail),
      (error) => isErrno(error, code),
    );
  }
});
