/** What a trapped call would do to memory, addresses and sizes in pages. */
export type Operation =
  /** Private writable memory, at a fixed place or anywhere. */
  | { readonly kind: "map"; readonly start: number | undefined; readonly pages: number }
  /** Shared memory: an object of its own where it is anonymous, or of a file, /dev/zero. */
  | { readonly kind: "share"; readonly fd: number | undefined; readonly pages: number }
  /** The data segment is to end there: in pages, and as the program says it, in bytes. */
  | { readonly kind: "brk"; readonly end: number; readonly address: number }
  /** Memory becomes writable; where it `grows`, all of the mapping. */
  | { readonly kind: "protect"; readonly start: number; readonly pages: number; readonly grows: boolean }
  | {
      readonly kind: "remap";
      readonly start: number;
      readonly oldPages: number;
      readonly newPages: number;
      readonly keepsOld: boolean;
    }
  /** `isSibling`: CLONE_PARENT, the child is the caller's parent's. */
  | { readonly kind: "fork"; readonly isSibling: boolean }
  /** A process that has the caller's memory, which may outlive the caller; who waits goes on when it is gone or has its own. */
  | { readonly kind: "vfork"; readonly waits: boolean }
  | { readonly kind: "exec" }
  /** A System V segment is made, unless the key has one. */
  | { readonly kind: "segment"; readonly key: number; readonly pages: number }
  /** A file is to have that many pages, where it is memory. */
  | { readonly kind: "resize"; readonly fd: number; readonly pages: number }
  /** The real uid may change: what there is stays with the one that has it. */
  | { readonly kind: "setuid" }
  /**
   * What becomes of a signal may change: `action` is the address of struct sigaction, in words of so many bytes; 0 where there is
   * none that could be read. No memory.
   */
  | { readonly kind: "handler"; readonly action: number; readonly word: 4 | 8 }
  /** A process is about to be traced: `target`, by its id in the caller's pid namespace, or the caller, 0. No memory. */
  | { readonly kind: "trace"; readonly target: number };
