import type { LimitCell } from "../space/limit.ts";
import type { AccountedProcess } from "../space/process.ts";
import type { AccountsState } from "./accounts-state.ts";
import type { Arrivals } from "./arrivals.ts";
import { inheritanceOf } from "./inheritance.ts";
import type { Population } from "./population.ts";

/** What a search for processes that share an address space reads and registers in. */
export interface SharerSearch {
  readonly arrivals: Arrivals;
  readonly population: Population;
  readonly state: AccountsState;
}

/**
 * Registers each process that was created in the memory of `vforkParent` (vfork, CLONE_VM) and has made no trapped call yet. The kernel has
 * no list of them: every process of the machine is compared, but only while such a call of `vforkParent` is open.
 */
export function registerVforkChildren(vforkParent: AccountedProcess, search: SharerSearch): void {
  const { arrivals, population, state } = search;
  const { grants, targets } = state;
  if (![...grants.vforks].some(({ process }) => process === vforkParent)) return;
  for (const pid of targets.pids()) {
    if (population.find(pid) || !targets.sharesMemory(vforkParent.pid, pid)) continue;
    arrivals.register(pid, inheritanceOf(vforkParent));
  }
}

/**
 * `process` has exited or executed another program. Registers each unknown process that still has the address space which `process` had, so
 * that its charge is not released: a process under a filter whose image is that of `process`. `limit` is what such a process is held to.
 */
export function registerRemainingSharers(process: AccountedProcess, limit: LimitCell, search: SharerSearch): void {
  const { arrivals, population, state } = search;
  const { targets, grants } = state;
  const { space, layout } = process;
  for (const pid of targets.pids()) {
    if (population.find(pid)) continue;
    const image = targets.image(pid);
    const ids = image?.layout === layout ? targets.ids(pid) : undefined;
    if (!image || !ids?.filtered) continue;
    const sharer = population.memorySharerOf(pid, layout);
    const [other] = space.pids;
    // A forked child has the same image but memory of its own.
    if (!sharer && other !== undefined && !targets.sharesMemory(other, pid)) {
      arrivals.registerUnrelated(pid, image, { job: space.job, limit });
      continue;
    }
    // The real uid of a forked child is that of the caller of fork, which may differ from the payer of this space.
    if (!sharer && ids.ruid !== space.payer.uid && grants.forksAlike(image).length > 0) {
      arrivals.register(pid, { job: space.job, limit });
      continue;
    }
    const found = population.record(population.arrive(pid, image, sharer?.space ?? space, limit));
    // An exec of the process may have been allowed before it was registered.
    population.execs(found, pid);
    if (!sharer) population.countAll(found);
  }
}
