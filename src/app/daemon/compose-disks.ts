import { createHash } from "node:crypto";
import { Errno } from "../../core/base/errno.ts";
import { toPromise } from "../../core/vfs/parked.ts";
import type { Accountant } from "../../host/accountant/accountant.ts";
import { MemoryDisks } from "../../host/linux/memory-disk/memory-disks.ts";
import { type DiskActions, Disks } from "./disks.ts";

/** Loop devices are root's. */
const NOT_ROOT: DiskActions = {
  create: async () => refuse(),
  resize: async () => refuse(),
  destroy: async () => refuse(),
  list: refuse,
  any: false,
};

function refuse(): never {
  throw new Errno(
    "EPERM",
    "memory disks are loop devices, which only root makes; ask root's daemon (sudo lyonnais md)",
  );
}

/** By which the disks of the daemon at `socket` are told from others': 8 hexadecimal digits. */
export function diskOwner(socket: string): string {
  return createHash("sha256").update(socket).digest("hex").slice(0, 8);
}

/** The memory disks of the daemon at `socket`, charged in its accounts. */
export function composeDisks(socket: string, accountant: Accountant): DiskActions {
  if (process.geteuid!() !== 0) return NOT_ROOT;
  return new Disks(new MemoryDisks(diskOwner(socket)), {
    reserve: (...disk) => toPromise(accountant.ask("reserveDisk", ...disk)),
    resize: (...disk) => toPromise(accountant.ask("resizeDisk", ...disk)),
    // What has happened already cannot be refused. That the accounts are gone is told to whoever waits for them.
    adopt: (...disk) => void accountant.ask("adoptDisk", ...disk),
    release: (...disk) => void accountant.ask("releaseDisk", ...disk),
  });
}
