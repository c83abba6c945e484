import {
  CLONE_PARENT,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_PUNCH_HOLE,
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
  PR_SET_MM,
  PROT_GROWSDOWN,
  PROT_GROWSUP,
  PROT_WRITE,
} from "../abi/memory-calls.ts";
import { PTRACE_ATTACH, PTRACE_SEIZE, PTRACE_TRACEME } from "../abi/ptrace.ts";
import { SYNCHRONOUS_SIGNALS } from "../abi/signal.ts";
import { ERRNO } from "../base/errno.ts";
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

/** Of the trapped call. */
export interface Arguments {
  /** Argument `i`, exact below 2^53. */
  long(i: number): number;
  /** Its lower half, which is all that the kernel takes of an int. */
  int(i: number): number;
}

/** The call fails with this error: ENOSYS has the C library fall back to one whose arguments can be seen. */
export interface Refused {
  readonly errno: number;
}

export interface WatchedCall {
  readonly name: string;
  /** Absent: always. */
  readonly when?: readonly (readonly ArgumentTest[])[];
  /** Not for the accounts, but for who repairs what a signal does to the other calls. */
  readonly forRepair?: true;
  readonly decode: Refused | ((args: Arguments) => Operation);
}

const NOT_THERE: Refused = { errno: ERRNO.ENOSYS };

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
  [equal(3, MAP_TYPE, MAP_SHARED), none(3, FREE)],
  [equal(3, MAP_TYPE, MAP_SHARED_VALIDATE), none(3, FREE)],
];

const map = (args: Arguments): Operation => {
  const flags = args.int(3);
  const length = pages(args.long(1));
  return (flags & MAP_TYPE) === MAP_PRIVATE
    ? { kind: "map", start: (flags & MAP_FIXED) === 0 ? undefined : page(args.long(0)), pages: length }
    : { kind: "share", fd: (flags & MAP_ANONYMOUS) === 0 ? args.int(4) : undefined, pages: length };
};

const protect = (args: Arguments): Operation => ({
  kind: "protect",
  start: page(args.long(0)),
  pages: pages(args.long(1)),
  grows: (args.int(2) & (PROT_GROWSDOWN | PROT_GROWSUP)) !== 0,
});

/** uid_t's -1, `leave it as it is`, of 32-bit ids and of those of old. */
const UNCHANGED = 0xffff_ffff;
const CHANGES_REAL = [[differs(0, UNCHANGED)]];
const setuid = (): Operation => ({ kind: "setuid" });

const SEGMENT = [[some(2, IPC_CREAT)], [equal(0, ALL, IPC_PRIVATE)]];
const segment =
  (first: number) =>
  (args: Arguments): Operation => ({
    kind: "segment",
    key: args.int(first),
    pages: pages(args.long(first + 1)),
  });

const fork = (): Operation => ({ kind: "fork", isSibling: false });
const vfork = (): Operation => ({ kind: "vfork", waits: true });
const clone = (args: Arguments): Operation =>
  (args.int(0) & CLONE_VM) === 0
    ? { kind: "fork", isSibling: (args.int(0) & CLONE_PARENT) !== 0 }
    : { kind: "vfork", waits: (args.int(0) & CLONE_VFORK) !== 0 };
const exec = (): Operation => ({ kind: "exec" });

/** A 64-bit value that a 32-bit program passes in two arguments. */
const wide = (args: Arguments, low: number): number => args.int(low) + args.int(low + 1) * 0x1_0000_0000;

const ALLOCATES = [[none(1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE)]];
const resize =
  (bytes: (args: Arguments) => number) =>
  (args: Arguments): Operation => ({ kind: "resize", fd: args.int(0), pages: pages(bytes(args)) });

/** A signal that may come while a call waits to be received gets an action. */
const ASYNCHRONOUS = SYNCHRONOUS_SIGNALS.map((signal) => differs(0, signal));
const SETS_HANDLER = [
  [some(1, ALL), ...ASYNCHRONOUS],
  [{ ...some(1, ALL), upper: true }, ...ASYNCHRONOUS],
];
const handler =
  (word: 4 | 8) =>
  (args: Arguments): Operation => ({ kind: "handler", action: word === 8 ? args.long(1) : args.int(1), word });
/** The calls of old, with another struct or none. */
const oldHandler = (): Operation => ({ kind: "handler", action: 0, word: 4 });

/** THE list of calls that can make a reservation grow, or say whose it is; and of those that tell whom a signal may interrupt. The numbers are in `abi/arch`. */
export const WATCHED_CALLS: readonly WatchedCall[] = [
  { name: "mmap", when: MAPS, decode: map },
  { name: "mmap2", when: MAPS, decode: map },
  { name: "old_mmap", decode: NOT_THERE },
  { name: "mprotect", when: [[some(2, PROT_WRITE)]], decode: protect },
  { name: "pkey_mprotect", when: [[some(2, PROT_WRITE)]], decode: protect },
  {
    name: "brk",
    when: [[some(0, ALL)], [{ ...some(0, ALL), upper: true }]],
    decode: (args) => ({ kind: "brk", end: pages(args.long(0)), address: args.long(0) }),
  },
  {
    name: "mremap",
    decode: (args) => ({
      kind: "remap",
      start: page(args.long(0)),
      oldPages: pages(args.long(1)),
      newPages: pages(args.long(2)),
      keepsOld: (args.int(3) & MREMAP_DONTUNMAP) !== 0,
    }),
  },
  // Who moves the data segment, or says that the image is another, could not be told any more.
  { name: "prctl", when: [[equal(0, ALL, PR_SET_MM)]], decode: { errno: ERRNO.EINVAL } },
  { name: "fork", decode: fork },
  { name: "vfork", decode: vfork },
  // A thread has its process's memory, and no name of its own to keep it by.
  {
    name: "clone",
    when: [[none(0, CLONE_VM | CLONE_THREAD)], [equal(0, CLONE_VM | CLONE_THREAD, CLONE_VM)]],
    decode: clone,
  },
  { name: "clone3", decode: NOT_THERE },
  { name: "execve", decode: exec },
  { name: "execveat", decode: exec },
  { name: "shmget", when: SEGMENT, decode: segment(0) },
  { name: "ipc", when: [[equal(0, IPCOP_MASK, IPCOP_SHMGET)]], decode: segment(1) },
  { name: "ftruncate", decode: resize((args) => args.long(1)) },
  { name: "ftruncate64", decode: resize((args) => wide(args, 1)) },
  { name: "fallocate", when: ALLOCATES, decode: resize((args) => args.long(2) + args.long(3)) },
  { name: "ia32_fallocate", when: ALLOCATES, decode: resize((args) => wide(args, 2) + wide(args, 4)) },
  { name: "setuid", decode: setuid },
  { name: "setreuid", when: CHANGES_REAL, decode: setuid },
  { name: "setresuid", when: CHANGES_REAL, decode: setuid },
  { name: "setuid32", decode: setuid },
  { name: "setreuid32", when: CHANGES_REAL, decode: setuid },
  { name: "setresuid32", when: CHANGES_REAL, decode: setuid },
  { name: "rt_sigaction", when: SETS_HANDLER, decode: handler(8), forRepair: true },
  { name: "ia32_rt_sigaction", when: SETS_HANDLER, decode: handler(4), forRepair: true },
  { name: "ia32_sigaction", when: SETS_HANDLER, decode: oldHandler, forRepair: true },
  { name: "ia32_signal", when: [ASYNCHRONOUS], decode: oldHandler, forRepair: true },
  {
    name: "ptrace",
    when: [PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_SEIZE].map((request) => [equal(0, ALL, request)]),
    decode: (args) => ({ kind: "trace", target: args.int(0) === PTRACE_TRACEME ? 0 : args.int(1) }),
    forRepair: true,
  },
];
