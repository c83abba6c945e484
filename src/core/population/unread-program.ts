import type { VforkGrant } from "../grants/grant.ts";
import type { Image, Targets } from "../space/ports.ts";
import { type AccountedProcess, UNREAD } from "../space/process.ts";
import { Space } from "../space/space.ts";
import type { AccountsState } from "./accounts-state.ts";
import type { ExpectedPrograms } from "./expected.ts";
import type { Population } from "./population.ts";

/**
 * The image of a program, read at the first use: most programs exit before anybody needs it, and a later process may have the pid by then.
 * It has to be read before the process executes the next program.
 */
export class UnreadImage implements Pick<Image, "startTicks" | "layout" | "startBrk"> {
  readonly #targets: Targets;
  readonly #pid: number;
  /** When the process was registered: clock ticks since boot. A process that began later is another one. */
  readonly #registeredTicks: number;
  #read: Image | undefined;

  constructor(targets: Targets, pid: number) {
    this.#targets = targets;
    this.#pid = pid;
    this.#registeredTicks = targets.nowTicks();
  }

  get #image(): Image | undefined {
    if (this.#read) return this.#read;
    const image = this.#targets.image(this.#pid);
    if (image && image.startTicks <= this.#registeredTicks) this.#read = image;
    return this.#read;
  }

  get startTicks(): number {
    return this.#image?.startTicks ?? UNREAD;
  }

  /** An image that cannot be read equals no other. */
  get layout(): string {
    return this.#image?.layout ?? `unread ${this.#pid}`;
  }

  get startBrk(): number {
    return this.#image?.startBrk ?? 0;
  }
}

/**
 * Whether process `pid`, which waits in a call, surely has left the address space of the parent of `vfork`. A parent that has been allowed to
 * exec may be inside exec, where whoever compares address spaces has to wait for it: then nothing is asked, and the answer is false.
 */
export function hasLeftParent({ process, tid }: VforkGrant, pid: number, targets: Targets): boolean {
  return process.pendingExec === undefined && targets.hasLeft(process.pid, tid, pid);
}

/**
 * Registers process `pid` at its first call after exec, without a read of its image. That is possible where it is the child of a vfork
 * whose parent waits for it, and has left the parent's address space: then it runs a new program, and the call is the first of that
 * program. All that is read is how many data pages exec has brought. Undefined where it is not such a process.
 */
export function registerUnread(
  pid: number,
  programs: ExpectedPrograms,
  { targets, ledger, figures, grants }: AccountsState,
  population: Population,
): AccountedProcess | undefined {
  const expected = programs.find(pid);
  if (!expected?.vfork || !expected.payer) return undefined;
  const { vfork, job, limit, payer } = expected;
  const { process: vforkParent } = vfork;
  const isThere = population.find(vforkParent.pid) === vforkParent && vforkParent.space === vfork.space;
  if (!isThere || !hasLeftParent(vfork, pid, targets)) return undefined;
  grants.childFound(vfork);
  const image = new UnreadImage(targets, pid);
  const space = new Space(ledger, job, payer);
  const process = population.arrive(pid, image, space, limit);
  programs.registered(process);
  space.heap.beginUnread(image);
  space.add(targets.size(pid)?.data ?? 0);
  figures.note(payer);
  return process;
}
