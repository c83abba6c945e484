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

/** A test of 32 bits of an argument: the masked bits are `some` (not all 0), `none` (all 0), `equal` to or `not` a value. */
export interface ArgumentTest {
  readonly arg: number;
  /** The upper 32 bits instead of the lower ones. */
  readonly upper?: boolean;
  readonly mask: number;
  readonly is: "some" | "none" | { readonly equal: number } | { readonly not: number };
}

/** The arguments of the trapped call, numbered from 0. */
export interface Arguments {
  /** Argument `i` as 64 bits without sign; exact below 2^53. */
  long(i: number): number;
  /** The lower 32 bits of argument `i` without sign: all that the kernel takes of an int. */
  int(i: number): number;
}

/** The call fails with this errno. ENOSYS makes the C library fall back to an older call, whose arguments are in registers. */
export interface Refused {
  readonly errno: number;
}

/** One call that the filter does not simply allow. */
export interface WatchedCall {
  /** Its name in `abi/arch`, which has the number for each calling convention. */
  readonly name: string;
  /** It is watched when all tests of one of these alternatives hold. Absent: always. */
  readonly when?: readonly (readonly ArgumentTest[])[];
  /** It is trapped for the repairer of interrupted calls, not for the accounts. */
  readonly forRepair?: true;
  /** The errno with which the filter itself refuses it, or what the trapped call does. */
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

/** Mappings that the kernel does not count either: MAP_NORESERVE, and huge pages, which have a pool of their own. */
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

/** The uid -1 of setreuid and setresuid: leave the id as it is. */
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

/** A 64-bit value that a 32-bit program passes in two arguments, the lower half first. */
const wide = (args: Arguments, low: number): number => args.int(low) + args.int(low + 1) * 0x1_0000_0000;

const ALLOCATES = [[none(1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE)]];
const resize =
  (bytes: (args: Arguments) => number) =>
  (args: Arguments): Operation => ({ kind: "resize", fd: args.int(0), pages: pages(bytes(args)) });

/** The signal is none of those that a thread causes itself: it can come while a trapped call waits to be received. */
const ASYNCHRONOUS = SYNCHRONOUS_SIGNALS.map((signal) => differs(0, signal));
const SETS_HANDLER = [
  [some(1, ALL), ...ASYNCHRONOUS],
  [{ ...some(1, ALL), upper: true }, ...ASYNCHRONOUS],
];
const handler =
  (word: 4 | 8) =>
  (args: Arguments): Operation => ({ kind: "handler", action: word === 8 ? args.long(1) : args.int(1), word });
/** The old sigaction and signal calls, with another struct or none. */
const oldHandler = (): Operation => ({ kind: "handler", action: 0, word: 4 });

/**
 * The list of calls that the filter watches: those that can make a reservation grow or change who pays, and those that tell the repairer
 * which signals can interrupt a call. Their numbers are in `abi/arch`.
 */
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
  // PR_SET_MM moves the data segment or changes what /proc/pid/stat says of the image, by which processes are recognized.
  { name: "prctl", when: [[equal(0, ALL, PR_SET_MM)]], decode: { errno: ERRNO.EINVAL } },
  { name: "fork", decode: fork },
  { name: "vfork", decode: vfork },
  // With CLONE_THREAD the child is a thread: it shares the memory of its process and cannot outlive that.
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
