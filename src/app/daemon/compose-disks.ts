import { createHash } from "node:crypto";
import { Errno } from "../../core/base/errno.ts";
import type { Accounts } from "../../core/notify/accounts.ts";
import { PagerDiskCharges } from "../../core/vm/disk-charges.ts";
import { SEED } from "../../core/vm/rules/seed.ts";
import { Vm } from "../../core/vm/vm.ts";
import { MemoryDisks } from "../../host/linux/memory-disk/memory-disks.ts";
import { type DiskActions, Disks } from "./disks.ts";

/** Loop devices are root's. */
const NOT_ROOT: DiskActions = {
  create: refuse,
  resize: refuse,
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

/** The memory disks of the daemon at `socket`, charged in its accounts. */
export function composeDisks(socket: string, accounts: Accounts): DiskActions {
  if (process.geteuid!() !== 0) return NOT_ROOT;
  const owner = createHash("sha256").update(socket).digest("hex").slice(0, 8);
  const vm = new Vm({ rules: SEED, totals: accounts });
  accounts.disks = () => [...vm.handles].map(({ cred, charge }) => ({ payer: cred!, pages: charge }));
  return new Disks(new MemoryDisks(owner), new PagerDiskCharges(vm));
}
