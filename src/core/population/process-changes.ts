import type { Image } from "../space/ports.ts";
import type { AccountedProcess, PendingChange } from "../space/process.ts";
import type { AccountsState } from "./accounts-state.ts";
import type { Population } from "./population.ts";

/** Whether the call by which the change was allowed is over, given that thread `caller` makes another call. */
const isOver = (by: PendingChange, caller: number | undefined): boolean =>
  caller !== undefined && (by === "unknown" || by === caller);

/**
 * Finds out whether a pending change of a process – exec, the real uid – has happened, and applies it to the accounts. Neither call announces
 * its result, so the image and the ids of the process are compared with those known.
 */
export class ProcessChanges {
  readonly #state: AccountsState;
  readonly #population: Population;

  constructor(state: AccountsState, population: Population) {
    this.#state = state;
    this.#population = population;
  }

  /** As `Population.refresh`. */
  refresh(process: AccountedProcess, caller?: number): void {
    this.#refreshProgram(process, caller);
    if (process.pendingUid === undefined) return;
    if (this.#refreshUid(process, isOver(process.pendingUid, caller))) process.pendingUid = undefined;
  }

  #refreshProgram(process: AccountedProcess, caller?: number): void {
    const by = process.pendingExec;
    if (by === undefined) return;
    const isAnother = this.#refreshImage(process, isOver(by, caller));
    // After exec the calling thread is the only one of the process.
    if (isOver(by, caller) || (isAnother && caller !== undefined)) process.pendingExec = undefined;
    else if (isAnother) process.pendingExec = "unknown";
  }

  /**
   * Whether the process runs another program than the one known. A program that lies where the last one lay (without address space
   * randomization) cannot be told from it. `isOver`: the exec call has returned or succeeded.
   */
  #refreshImage(process: AccountedProcess, isOver: boolean): boolean {
    const image = this.#state.targets.image(process.pid);
    if (!image) return false;
    // The same image: exec has failed, or is not done. execvp tries one directory after the other.
    if (image.layout === process.layout && this.#hasKnownMemory(process)) {
      // Nothing of a launcher counts.
      if (process.launching) return false;
      if (isOver) process.space.isExact = false;
      this.#complete(process, image);
      return false;
    }
    this.#population.replaceProgram(process, image);
    return true;
  }

  /** The program was first seen in the middle of exec: charges what exec has mapped since. */
  #complete({ pid, space }: AccountedProcess, { startBrk }: Image): void {
    if (space.isExact) return;
    if (startBrk !== space.heap.start) space.heap.begin(startBrk);
    const data = this.#state.targets.size(pid)?.data ?? 0;
    if (data > space.pages) space.add(data - space.pages);
  }

  /** Whether the process still has the space it is known to have: another process of that space, itself no other program, shares its memory. */
  #hasKnownMemory({ pid, space }: AccountedProcess): boolean {
    const { targets } = this.#state;
    for (const other of space.pids) {
      if (other === pid) continue;
      if (targets.sharesMemory(other, pid)) return true;
      if (targets.image(other)?.layout === this.#population.find(other)?.layout) return false;
    }
    return true;
  }

  /** Whether the outcome for the real uid is known: it has changed, or the call that was to change it `isOver`. */
  #refreshUid(process: AccountedProcess, isOver: boolean): boolean {
    const { targets, uids, grants } = this.#state;
    const { pid, space } = process;
    const ids = targets.ids(pid);
    if (!ids || ids.ruid === (process.nextPayer ?? space.payer).uid) return isOver;
    for (const other of [...space.pids]) if (other !== pid) this.#refreshSharer(other);
    // A shared address space stays charged to its payer; of a launcher nothing counts. The new uid pays from the next exec on.
    if (space.pids.size > 1 || process.launching) {
      process.nextPayer = uids.find(ids.ruid);
      this.#population.record(process);
      return true;
    }
    const { calls, pages } = grants.underway((each) => each === space);
    const vmas = targets.map(pid, calls > 0);
    // Only the map tells which memory stays with the old payer. Without it the change stays pending.
    if (!vmas) return false;
    space.changePayer(uids.find(ids.ruid), vmas, pages, calls === 0);
    this.#population.recordPayers(space);
    return true;
  }

  /** A process that shared a space may have exited or executed a program without anybody being told. */
  #refreshSharer(pid: number): void {
    const process = this.#population.find(pid);
    if (!process) return;
    if (this.#population.isGone(process)) this.#population.exited(process);
    else this.#refreshProgram(process);
  }
}
