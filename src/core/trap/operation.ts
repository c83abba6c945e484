/** What a trapped call would do to memory, addresses and sizes in pages. */
export type Operation =
  /** mmap of private writable memory. `start` is the page of a MAP_FIXED mapping, else undefined. */
  | { readonly kind: "map"; readonly start: number | undefined; readonly pages: number }
  /** mmap of shared memory. `fd` is undefined for MAP_ANONYMOUS. Of files only /dev/zero counts: it makes anonymous memory. */
  | { readonly kind: "share"; readonly fd: number | undefined; readonly pages: number }
  /** brk: the data segment is to end at `address`, in bytes, which is page `end`, rounded up. */
  | { readonly kind: "brk"; readonly end: number; readonly address: number }
  /** mprotect with PROT_WRITE. `grows`: PROT_GROWSDOWN or PROT_GROWSUP, which means the whole VMA around the range. */
  | { readonly kind: "protect"; readonly start: number; readonly pages: number; readonly grows: boolean }
  /** mremap. `keepsOld`: MREMAP_DONTUNMAP, the old range stays mapped. */
  | {
      readonly kind: "remap";
      readonly start: number;
      readonly oldPages: number;
      readonly newPages: number;
      readonly keepsOld: boolean;
    }
  /** A child with a copy of the caller's memory. `isSibling`: CLONE_PARENT, it becomes a child of the caller's parent. */
  | { readonly kind: "fork"; readonly isSibling: boolean }
  /** A child that shares the caller's address space and may outlive the caller. `waits`: CLONE_VFORK, until it has exited or executed. */
  | { readonly kind: "vfork"; readonly waits: boolean }
  | { readonly kind: "exec" }
  /** shmget that may create a System V segment: none is created where the key has one. */
  | { readonly kind: "segment"; readonly key: number; readonly pages: number }
  /** ftruncate or fallocate: the file `fd` is to have that many pages. Counts where the file is memory (memfd, /dev/shm). */
  | { readonly kind: "resize"; readonly fd: number; readonly pages: number }
  /** setuid and the like: the real uid may change. Memory that exists stays charged to the old one. */
  | { readonly kind: "setuid" }
  /**
   * sigaction: a signal handler may be installed; no memory. `action` is the address of struct sigaction, whose words have `word` bytes; 0
   * for the old calls that have none.
   */
  | { readonly kind: "handler"; readonly action: number; readonly word: 4 | 8 }
  /** ptrace attach: a process is about to be traced; no memory. `target` is its id in the caller's pid namespace, 0 for PTRACE_TRACEME. */
  | { readonly kind: "trace"; readonly target: number };
