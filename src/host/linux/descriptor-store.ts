import { Errno } from "../../core/base/errno.ts";
import { utf8 } from "../../core/base/text.ts";
import { LONGEST_TEXT } from "./descriptor-message.ts";
import { DescriptorQueue } from "./descriptor-queue.ts";

/** How many queues there can be, and how many descriptors one holds: to drop one then takes half a millisecond at most. */
const QUEUES = 256;
const QUEUE_LENGTH = 16;
/** The share of all places that one owner other than this user may have, so that there is always room for this user's own. */
const SHARE = 1 / 16;
const STRANGERS_SHARE = 1 / 2;

const SEND = "send ";
const RECEIVE = "receive ";
/** Separates the name from the uid of its owner in the text of a message. */
const OWNER = "\0";

/**
 * Many named descriptors, in short queues. The ends of these queues are the descriptors of a queue of their own: a process that has that
 * one has all. The store lives as long as any process has it open, and a kill at any step loses nothing. Queues are reused and never
 * removed.
 */
export class DescriptorStore {
  readonly #root: DescriptorQueue;
  readonly #queues: DescriptorQueue[] = [];
  /** By text of the message: its queue. */
  readonly #places = new Map<string, DescriptorQueue>();
  /** By name: the text of its message. */
  readonly #texts = new Map<string, string>();
  readonly #counts = new Map<number, number>();
  #strangers = 0;
  #nextQueue = 0;

  private constructor(root: DescriptorQueue) {
    this.#root = root;
  }

  static create(): DescriptorStore {
    return new DescriptorStore(DescriptorQueue.create(2 * QUEUES));
  }

  /** The store that another process left, and copies of what is in it. */
  static adopt(ends: readonly [number, number]): { store: DescriptorStore; held: ReadonlyMap<string, number> } {
    const { queue: root, held: queueEnds } = DescriptorQueue.adopt(ends);
    const store = new DescriptorStore(root);
    const held = new Map<string, number>();
    for (const [name, send] of queueEnds) {
      if (!name.startsWith(SEND)) continue;
      const number = Number(name.slice(SEND.length));
      store.#nextQueue = Math.max(store.#nextQueue, number + 1);
      const receive = queueEnds.get(RECEIVE + number);
      // The process that made this queue was killed before both of its ends were stored.
      if (receive === undefined) continue;
      const { queue, held: inside } = DescriptorQueue.adopt([send, receive]);
      store.#queues.push(queue);
      for (const [text, fd] of inside) held.set(store.#note(text, queue), fd);
    }
    return { store, held };
  }

  /** The ends of the queue of queues: a process that has both has the store. */
  get ends(): readonly [number, number] {
    return this.#root.ends;
  }

  get size(): number {
    return this.#texts.size;
  }

  /** How many descriptors the store can hold. */
  get capacity(): number {
    return Math.min(QUEUES, Math.floor(this.#root.capacity / 2)) * QUEUE_LENGTH;
  }

  /**
   * EEXIST, EINVAL, ENAMETOOLONG, EBADF; ENOSPC also where `owner`, another user than this process's, has its share. When it
   * returns, the copy is there.
   */
  hold(name: string, fd: number, owner?: number): void {
    if (name === "") throw new Errno("EINVAL", "a descriptor is kept under a name");
    if (this.#texts.has(name)) throw new Errno("EEXIST", `${name} is kept already`);
    const isStranger = owner !== undefined && owner !== process.geteuid!();
    const text = isStranger ? name + OWNER + owner : name;
    const { length } = utf8(text);
    if (length > LONGEST_TEXT) throw new Errno("ENAMETOOLONG", `a name of ${length} bytes: ${LONGEST_TEXT} at most`);
    if (isStranger) this.#checkShare(owner);
    const queue = this.#queues.find((each) => each.size < QUEUE_LENGTH) ?? this.#addQueue();
    queue.hold(text, fd);
    this.#note(text, queue);
  }

  drop(name: string): void {
    const text = this.#texts.get(name);
    if (text === undefined) return;
    this.#places.get(text)!.drop(text);
    this.#places.delete(text);
    this.#texts.delete(name);
    this.#count(text, -1);
  }

  /** Closes the store in this process. The descriptors inside are closed with the last process that has it open. */
  close(): void {
    for (const queue of this.#queues) queue.close();
    this.#root.close();
  }

  #checkShare(owner: number): void {
    const most = Math.floor(this.capacity * SHARE);
    if ((this.#counts.get(owner) ?? 0) >= most || this.#strangers >= this.capacity * STRANGERS_SHARE) {
      throw new Errno(
        "ENOSPC",
        `uid ${owner} may have ${most} descriptors kept, all others but this user a half together`,
      );
    }
  }

  /** The name that is in `text`, which is in `queue` now. */
  #note(text: string, queue: DescriptorQueue): string {
    const name = text.split(OWNER, 1)[0]!;
    this.#places.set(text, queue);
    this.#texts.set(name, text);
    this.#count(text, 1);
    return name;
  }

  #count(text: string, change: number): void {
    const owner = text.split(OWNER)[1];
    if (owner === undefined) return;
    this.#strangers += change;
    this.#counts.set(Number(owner), (this.#counts.get(Number(owner)) ?? 0) + change);
  }

  #addQueue(): DescriptorQueue {
    if (this.#queues.length * QUEUE_LENGTH >= this.capacity) {
      throw new Errno("ENOSPC", `${this.capacity} descriptors are kept, no more fit; raise net.core.wmem_max`);
    }
    const queue = DescriptorQueue.create(QUEUE_LENGTH);
    const [send, receive] = queue.ends;
    const number = this.#nextQueue++;
    try {
      this.#root.hold(SEND + number, send);
      this.#root.hold(RECEIVE + number, receive);
    } catch (error) {
      queue.close();
      throw error;
    }
    this.#queues.push(queue);
    return queue;
  }
}
