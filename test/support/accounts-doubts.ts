/** What nobody outside the kernel could tell, and what histories therefore leave out: docs/semantics.md, "What stays in doubt". */
import type { Operation } from "../../src/core/trap/operation.ts";
import type { VmMapEntry } from "../../src/core/vm/entry.ts";
import type { AccountsWorld } from "./accounts-world.ts";
import { isShared, payerOf } from "./vm-prices.ts";
import { MAPPINGS, type PaperProcess } from "./vm-targets.ts";

export const isBusy = ({ kernel }: AccountsWorld, pid: number): boolean =>
  [...kernel.pending.values()].some(({ process }) => {
    return process.proc.vmspace === kernel.processes.get(pid)!.proc.vmspace;
  });

/** Whether another uid than that of `pid` pays for anything in [start, end). */
export const hasForeign = (world: AccountsWorld, pid: number, start: number, end: number): boolean =>
  world.kernel.entries(pid).some((entry) => entry.start < end && entry.end > start && isForeign(world, pid, entry));

/** Whether another uid than that of `pid` pays. */
export const isForeign = ({ kernel }: AccountsWorld, pid: number, entry: VmMapEntry): boolean =>
  payerOf(entry)?.uid !== kernel.ids(pid)!.ruid;

/** Whether another thread moves memory that another uid pays for. */
export const isMovingForeign = (world: AccountsWorld, pid: number): boolean =>
  [...world.kernel.pending.values()].some(({ operation, process }) => {
    const { map } = process.proc.vmspace;
    if (map !== world.kernel.processes.get(pid)!.proc.vmspace.map) return false;
    if (operation.kind === "brk") return hasForeign(world, process.pid, operation.end, MAPPINGS);
    if (operation.kind !== "remap") return false;
    const entry = map.lookup(operation.start);
    return entry !== undefined && isForeign(world, process.pid, entry);
  });

/** Whether a process has the memory of one that waits for it, and nobody else has that. */
export function isVforked({ kernel }: AccountsWorld, { pid, ppid, waiter }: PaperProcess): boolean {
  const others = [...kernel.processes.keys()].filter((other) => other !== pid && kernel.sharesMemory(other, pid));
  return (
    waiter !== undefined && others.length === 1 && others[0] === ppid && kernel.processes.get(ppid)!.tids.size === 1
  );
}

/** Whether a process has memory that another one has as well, who has become somebody else: it does not end before. */
export const isAwaited = ({ kernel }: AccountsWorld, pid: number): boolean =>
  [...kernel.processes.values()].some((other) => other.isOutgrown && kernel.sharesMemory(other.pid, pid));

/** Shared memory of which nobody can tell, once it is cut, by which call it was made. */
export const isUnseen = ({ accounts }: AccountsWorld, entry: VmMapEntry): boolean =>
  isShared(entry) && accounts.grants.objects.size > 0;

/** A call that is pending; but where another uid pays nobody could tell whether a fixed mapping has replaced what there was. */
export function mayFail({ accounts, kernel }: AccountsWorld, tid: number): boolean {
  const call = kernel.pending.get(tid);
  if (call?.operation.kind !== "map" || call.operation.start === undefined) return call !== undefined;
  return accounts.population.find(call.process.pid)?.space.foreign.length === 0;
}

/** Who has the memory of one that ends cannot always be told from a child of the same image; as long as nobody else pays for that, it is all one. */
export function mayBeTakenFor({ accounts }: AccountsWorld, pid: number): boolean {
  const { vforks, forks } = accounts.grants;
  const lends = [...vforks].some(({ process }) => process.pid === pid && process.space.foreign.length > 0);
  return lends && forks.size > 0;
}

/** Whether another process is about to resize the file that `operation` resizes: whoever comes first pays. */
export const isResized = ({ kernel }: AccountsWorld, pid: number, operation: Operation): boolean => {
  if (operation.kind !== "resize") return false;
  const { key } = kernel.memoryFile(pid, operation.fd)!;
  return [...kernel.pending.values()].some(({ operation: other, process }) => {
    return other.kind === "resize" && process.pid !== pid && kernel.memoryFile(process.pid, other.fd)?.key === key;
  });
};
