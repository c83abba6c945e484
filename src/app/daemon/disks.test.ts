import assert from "node:assert/strict";
import { test } from "node:test";
import { Errno, type ErrnoName } from "../../core/base/errno.ts";
import { HeldDisks } from "../../core/charges/disk-charges.ts";
import { recount } from "../../core/charges/recount.ts";
import { SWAP_RESERVE_RLIMIT_ON, SwapLedger } from "../../core/charges/swap-ledger.ts";
import { UidInfos } from "../../core/charges/uidinfo.ts";
import type { MemoryDisk } from "../../host/linux/memory-disk/memory-disks.ts";
import { type DiskHost, Disks } from "./disks.ts";

const PAGE = 4096;
const NO_LIMIT = Number.POSITIVE_INFINITY;

/** A machine without loop devices; `failures` are what its next calls end with. */
class Machine implements DiskHost {
  disks: MemoryDisk[] = [];
  failures: ErrnoName[] = [];
  #next = 0;

  #mayFail(): void {
    const failure = this.failures.shift();
    if (failure) throw new Errno(failure, "as the test wants it");
  }

  list(): MemoryDisk[] {
    return [...this.disks];
  }

  nextDevice(): string {
    return `/dev/loop${this.#next++}`;
  }

  create(device: string, request: Omit<MemoryDisk, "device" | "use">): void {
    this.#mayFail();
    this.disks.push({ ...request, device, use: String(this.#next) });
  }

  resize(disk: MemoryDisk, bytes: number): void {
    this.#mayFail();
    this.disks = this.disks.map((each) => (each.device === disk.device ? { ...each, bytes } : each));
  }

  async destroy(disk: MemoryDisk): Promise<void> {
    this.#mayFail();
    this.disks = this.disks.filter((each) => each.device !== disk.device);
  }
}

function world(machine = new Machine()) {
  const ledger = new SwapLedger({ overcommit: SWAP_RESERVE_RLIMIT_ON });
  const uids = new UidInfos();
  const charges = new HeldDisks(ledger, uids);
  const disks = new Disks(machine, charges);
  const charged = (): number => {
    assert.deepEqual(recount(charges, { ledger, uids, budgets: [] }), []);
    return ledger.reserved;
  };
  return { machine, disks, charged };
}

test("a device that somebody else was quicker to take costs nothing", async () => {
  const { machine, disks, charged } = world();
  machine.failures = ["EBUSY", "EBUSY"];
  assert.equal(await disks.create(3 * PAGE, 5, NO_LIMIT), "/dev/loop2");
  assert.equal(charged(), 3);
});

test("what the machine refuses leaves the charge as it was", async () => {
  const { machine, disks, charged } = world();
  machine.failures = ["EIO"];
  await assert.rejects(disks.create(PAGE, 5, NO_LIMIT), /^Errno: EIO/);
  assert.equal(charged(), 0);
  const device = await disks.create(3 * PAGE, 5, NO_LIMIT);
  for (const [bytes, failure] of [
    [5 * PAGE, "ESTALE"],
    [PAGE, "EBUSY"],
  ] as const) {
    machine.failures = [failure];
    await assert.rejects(disks.resize(device, bytes), { code: failure });
    assert.equal(charged(), 3);
  }
  machine.failures = ["EBUSY"];
  await assert.rejects(disks.destroy(device), { code: "EBUSY" });
  assert.equal(charged(), 3);
});

test("disks that come and go without our doing are charged as they are", async () => {
  const machine = new Machine();
  const disk = { device: "/dev/loop7", bytes: 4 * PAGE, uid: 5, limit: 4, use: "a" };
  machine.disks = [disk];
  const { disks, charged } = world(machine);
  assert.equal(charged(), 4);
  assert.equal(disks.any, true);
  await assert.rejects(disks.resize(disk.device, 5 * PAGE), { code: "ENOMEM" });
  machine.disks = [{ ...disk, bytes: 6 * PAGE, use: "b" }];
  disks.list();
  assert.equal(charged(), 6);
  machine.disks = [];
  assert.equal(disks.any, false);
  assert.equal(charged(), 0);
});
