import type { Socket } from "node:net";

/** How many connections each uid has. Root is not bound. */
export class ConnectionQuota {
  readonly #most: number;
  readonly #counts = new Map<number, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Counts `socket` for `uid` until it is closed. False when that is one too many. */
  claim(uid: number, socket: Socket): boolean {
    const count = (this.#counts.get(uid) ?? 0) + 1;
    this.#counts.set(uid, count);
    socket.once("close", () => {
      const left = this.#counts.get(uid)! - 1;
      if (left === 0) this.#counts.delete(uid);
      else this.#counts.set(uid, left);
    });
    return uid === 0 || count <= this.#most;
  }
}
