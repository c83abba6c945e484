import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync } from "node:fs";
import { test } from "node:test";
import type { Tid } from "../../core/base/brand.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import type { KernelAccess } from "./access.ts";
import type { Elsewhere } from "./elsewhere/elsewhere.ts";
import type { LiveProcess } from "./live-process.ts";
import { LiveMemory } from "./memory.ts";

const CALLER: Caller = { tid: 7 as Tid, uid: 61001, gid: 61001 };
const TARGET = { pid: 100, dirfd: () => -1, isOwn: () => false, alive: () => true } as unknown as LiveProcess;

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

/** The memory of a process on paper, whose transfers end when the test says so. */
function scene() {
  const fd = openSync("/dev/null", "r");
  const jobs: (() => void)[] = [];
  const elsewhere = {
    do: (
      _target: unknown,
      _caller: Caller,
      _name: string,
      _job: unknown,
      { over }: { over(): void },
    ): Outcome<number> => {
      const parked = new Parked<number>();
      jobs.push(() => {
        over();
        parked.fail(new Errno("EAGAIN", "busy"));
      });
      return parked;
    },
  };
  const access = { openMemoryStopped: () => fd } as unknown as KernelAccess;
  const space = new LiveMemory(access, elsewhere as unknown as Elsewhere, 2 ** 47).openStopped(TARGET, CALLER);
  return { fd, jobs, space };
}

test("memory that was closed is not used again, nor is the number of its descriptor closed twice", () => {
  const { fd, jobs, space } = scene();
  space.close();
  assert.equal(isOpen(fd), false);
  const stranger = openSync("/dev/zero", "r");
  assert.equal(stranger, fd, "the number is another file's now");
  assert.throws(
    () => space.read(0x1000, new Uint8Array(4)),
    (error) => isErrno(error, "ESRCH"),
  );
  assert.throws(
    () => space.write(0x1000, new Uint8Array(4)),
    (error) => isErrno(error, "ESRCH"),
  );
  for (const job of jobs) job();
  assert.equal(isOpen(stranger), true);
  closeSync(stranger);
});

test("a transfer on its way keeps the descriptor until it is over", () => {
  const { fd, jobs, space } = scene();
  const read = space.read(0x1000, new Uint8Array(4));
  assert.ok(read instanceof Parked);
  space.close();
  assert.equal(isOpen(fd), true);
  for (const job of jobs) job();
  assert.equal(isOpen(fd), false);
});
