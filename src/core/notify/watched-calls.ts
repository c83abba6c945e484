import {
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
  FALLOC_FL_KEEP_SIZE,
  IPC_CREAT,
  IPC_PRIVATE,
  IPCOP_MASK,
  IPCOP_SHMGET,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_HUGETLB,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_TYPE,
  MREMAP_DONTUNMAP,
  PROT_WRITE,
} from "../abi/memory-calls.ts";
import { PAGE_SIZE } from "../base/size.ts";
import type { Operation } from "./operation.ts";

/** A look at one half of an argument; a call is trapped when all tests of one of its alternatives hold. */
export interface ArgumentTest {
  readonly arg: number;
  /** The upper 32 bits instead of the lower ones. */
  readonly upper?: boolean;
  readonly mask: number;
  readonly is: "some" | "none" | { readonly equal: number } | { readonly not: number };
}

/** Argument `i` of the trapped call, exact below 2^53. */
export type Arguments = (i: number) => number;

export interface WatchedCall {
  readonly name: string;
  /** Absent: always. */
  readonly when?: readonly (readonly ArgumentTest[])[];
  /** `refuse`: the call is answered ENOSYS, so that the C library falls back to one whose arguments can be seen. */
  readonly decode: "refuse" | ((args: Arguments) => Operation);
}

const ALL = 0xffff_ffff;
const some = (arg: number, mask: number): ArgumentTest => ({ arg, mask, is: "some" });
const none = (arg: number, mask: number): ArgumentTest => ({ arg, mask, is: "none" });
const equal = (arg: number, mask: number, value: number): ArgumentTest => ({ arg, mask, is: { equal: value } });
const differs = (arg: number, value: number): ArgumentTest => ({ arg, mask: ALL, is: { not: value } });

const pages = (bytes: number): number => Math.ceil(bytes / PAGE_SIZE);
const page = (address: number): number => Math.floor(address / PAGE_SIZE);

/** Not counted by the kernel either: memory that asks for no reservation, and huge pages, which have a pool. */
const FREE = MAP_NORESERVE | MAP_HUGETLB;
const MAPS = [
  [equal(3, MAP_TYPE, MAP_PRIVATE), some(2, PROT_WRITE), none(3, FREE)],
  [equal(3, MAP_TYPE, MAP_SHARED), some(3, MAP_ANONYMOUS), none(3, FREE)],
  [equal(3, MAP_TYPE, MAP_SHARED_VALIDATE), some(3, MAP_ANONYMOUS), none(3, FREE)],
];

const map = (args: Arguments): Operation =>
  (args(3) & MAP_TYPE) === MAP_PRIVATE
    ? { kind: "map", start: (args(3) & MAP_FIXED) === 0 ? undefined : page(args(0)), pages: pages(args(1)) }
    : { kind: "share", pages: pages(args(1)) };

const protect = (args: Arguments): Operation => ({ kind: "protect", start: page(args(0)), pages: pages(args(1)) });

/** uid_t's -1, `leave it as it is`, of 32-bit ids and of those of old. */
const UNCHANGED = 0xffff_ffff;
const CHANGES_REAL = [[differs(0, UNCHANGED)]];
const setuid = (): Operation => ({ kind: "setuid" });

const SEGMENT = [[some(2, IPC_CREAT)], [equal(0, ALL, IPC_PRIVATE)]];
const segment =
  (first: number) =>
  (args: Arguments): Operation => ({
    kind: "segment",
    key: args(first),
    pages: pages(args(first + 1)),
  });

const fork = (): Operation => ({ kind: "fork" });
const vfork = (): Operation => ({ kind: "vfork", waits: true });
const clone = (args: Arguments): Operation =>
  (args(0) & CLONE_VM) === 0 ? fork() : { kind: "vfork", waits: (args(0) & CLONE_VFORK) !== 0 };
const exec = (): Operation => ({ kind: "exec" });

/** A 64-bit value that a 32-bit program passes in two arguments. */
const wide = (args: Arguments, low: number): number => args(low) + args(low + 1) * 0x1_0000_0000;

/** THE list of calls that can make a reservation grow, or say whose it is. The numbers are in `abi/arch`. */
export const WATCHED_CALLS: readonly WatchedCall[] = [
  { name: "mmap", when: MAPS, decode: map },
  { name: "mmap2", when: MAPS, decode: map },
  { name: "old_mmap", decode: "refuse" },
  { name: "mprotect", when: [[some(2, PROT_WRITE)]], decode: protect },
  { name: "pkey_mprotect", when: [[some(2, PROT_WRITE)]], decode: protect },
  {
    name: "brk",
    when: [[some(0, ALL)], [{ ...some(0, ALL), upper: true }]],
    decode: (args) => ({ kind: "brk", end: pages(args(0)), address: args(0) }),
  },
  {
    name: "mremap",
    decode: (args) => ({
      kind: "remap",
      start: page(args(0)),
      oldPages: pages(args(1)),
      newPages: pages(args(2)),
      keepsOld: (args(3) & MREMAP_DONTUNMAP) !== 0,
    }),
  },
  { name: "fork", decode: fork },
  { name: "vfork", decode: vfork },
  // A thread has its process's memory, and no name of its own to keep it by.
  {
    name: "clone",
    when: [[none(0, CLONE_VM | CLONE_THREAD)], [equal(0, CLONE_VM | CLONE_THREAD, CLONE_VM)]],
    decode: clone,
  },
  { name: "clone3", decode: "refuse" },
  { name: "execve", decode: exec },
  { name: "execveat", decode: exec },
  { name: "shmget", when: SEGMENT, decode: segment(0) },
  { name: "ipc", when: [[equal(0, IPCOP_MASK, IPCOP_SHMGET)]], decode: segment(1) },
  { name: "ftruncate", decode: (args) => ({ kind: "resize", fd: args(0), pages: pages(args(1)) }) },
  { name: "ftruncate64", decode: (args) => ({ kind: "resize", fd: args(0), pages: pages(wide(args, 1)) }) },
  {
    name: "fallocate",
    when: [[none(1, FALLOC_FL_KEEP_SIZE)]],
    decode: (args) => ({ kind: "resize", fd: args(0), pages: pages(args(2) + args(3)) }),
  },
  { name: "setuid", decode: setuid },
  { name: "setreuid", when: CHANGES_REAL, decode: setuid },
  { name: "setresuid", when: CHANGES_REAL, decode: setuid },
  { name: "setuid32", decode: setuid },
  { name: "setreuid32", when: CHANGES_REAL, decode: setuid },
  { name: "setresuid32", when: CHANGES_REAL, decode: setuid },
];
