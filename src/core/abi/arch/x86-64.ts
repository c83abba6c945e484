import type { Arch, SyscallAbi } from "./arch.ts";

const NATIVE: SyscallAbi = {
  auditArch: 0xc000_003e,
  numbers: {
    mmap: 9,
    mprotect: 10,
    brk: 12,
    rt_sigaction: 13,
    mremap: 25,
    shmget: 29,
    clone: 56,
    vfork: 58,
    fork: 57,
    execve: 59,
    ftruncate: 77,
    ptrace: 101,
    setuid: 105,
    setreuid: 113,
    setresuid: 117,
    prctl: 157,
    fallocate: 285,
    execveat: 322,
    pkey_mprotect: 329,
    clone3: 435,
  },
};

/** The 32-bit programs of old, and whoever says `int 0x80`. */
const I386: SyscallAbi = {
  auditArch: 0x4000_0003,
  numbers: {
    fork: 2,
    execve: 11,
    setuid: 23,
    ptrace: 26,
    brk: 45,
    ia32_signal: 48,
    ia32_sigaction: 67,
    setreuid: 70,
    old_mmap: 90,
    ftruncate: 93,
    ipc: 117,
    clone: 120,
    vfork: 190,
    mprotect: 125,
    mremap: 163,
    setresuid: 164,
    prctl: 172,
    ia32_rt_sigaction: 174,
    mmap2: 192,
    ftruncate64: 194,
    setreuid32: 203,
    setresuid32: 208,
    setuid32: 213,
    ia32_fallocate: 324,
    execveat: 358,
    pkey_mprotect: 380,
    shmget: 395,
    clone3: 435,
  },
};

/**
 * read write accept sendto recvfrom sendmsg recvmsg (sockets that have a timeout), semop, rt_sigtimedwait, io_getevents, semtimedop,
 * epoll_wait, epoll_pwait, accept4, recvmmsg, io_uring_enter, epoll_pwait2.
 */
const WOKEN_IN_VAIN: readonly number[] = [0, 1, 43, 44, 45, 46, 47, 65, 128, 208, 220, 232, 281, 288, 299, 426, 441];
/** read, write, rt_sigtimedwait, epoll_wait, epoll_pwait, recvfrom, recvmsg, rt_sigtimedwait_time64, io_uring_enter, epoll_pwait2. */
const WOKEN_IN_VAIN_32: readonly number[] = [3, 4, 177, 256, 319, 371, 372, 421, 426, 441];

/** struct user_regs_struct, sys/user.h; address space: Documentation/arch/x86/x86_64/mm.rst, four levels. */
export const X86_64: Arch = {
  machine: "x86_64",
  nodeArch: "x64",
  userTop: 0x7fff_ffff_f000,
  ntPrstatus: 1,
  sysSeccomp: 317,
  sysKcmp: 312,
  epollData: 4,
  abis: [NATIVE, I386],
  registerSize: 216,
  registers: [
    "r15",
    "r14",
    "r13",
    "r12",
    "rbp",
    "rbx",
    "r11",
    "r10",
    "r9",
    "r8",
    "rax",
    "rcx",
    "rdx",
    "rsi",
    "rdi",
    "orig_rax",
    "rip",
    "cs",
    "eflags",
    "rsp",
    "ss",
    "fs_base",
    "gs_base",
    "ds",
    "es",
    "fs",
    "gs",
  ],
  programCounter: "rip",
  stackPointer: "rsp",
  call: {
    // syscall
    instruction: [0x0f, 0x05],
    number: "rax",
    args: ["rdi", "rsi", "rdx", "r10", "r8", "r9"],
    result: "rax",
    original: "orig_rax",
    redZone: 128,
    sysPrctl: 157,
    sysClose: 3,
  },
  interrupted: [
    { abi: 0, registerSize: 216, word: 8, number: 120, result: 80, wokenInVain: WOKEN_IN_VAIN },
    // A 32-bit program: struct user_regs_struct32.
    { abi: 1, registerSize: 68, word: 4, number: 44, result: 24, wokenInVain: WOKEN_IN_VAIN_32 },
  ],
};
