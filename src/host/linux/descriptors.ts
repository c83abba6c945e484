/** Descriptors whose copies outlive this process: its successor finds them, and nothing that hangs on them ends. */
export interface Descriptors {
  /**
   * Resolves when a copy is kept under `name`, until {@link drop}; `fd` stays the caller's. `owner`: the uid for whom, this process's
   * without it. EEXIST: the name is taken; ENAMETOOLONG: above 255 bytes; ENOSPC: too many, or more than the owner may have.
   */
  hold(name: string, fd: number, owner?: number): Promise<void>;
  /** Closes the copy that is kept; a name that is not held is none's concern. */
  drop(name: string): void;
  /** What the process before this one held and this one holds on. The descriptors are the caller's to close. */
  readonly kept: ReadonlyMap<string, number>;
}
