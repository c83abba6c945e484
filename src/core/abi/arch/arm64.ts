import type { Arch, SyscallAbi } from "./arch.ts";
import { CALL_NAMES } from "./arm64-calls.ts";

/** asm-generic/unistd.h. 32-bit programs are refused: their calls have numbers of their own. */
const NATIVE: SyscallAbi = {
  auditArch: 0xc000_00b7,
  numbers: {
    ftruncate: 46,
    fallocate: 47,
    ptrace: 117,
    rt_sigaction: 134,
    setreuid: 145,
    setuid: 146,
    setresuid: 147,
    shmget: 194,
    brk: 214,
    mremap: 216,
    clone: 220,
    execve: 221,
    mmap: 222,
    mprotect: 226,
    execveat: 281,
    pkey_mprotect: 288,
    prctl: 167,
    clone3: 435,
  },
};

/** struct user_pt_regs, arm64 asm/ptrace.h; 48-bit addresses. */
export const ARM64: Arch = {
  machine: "aarch64",
  nodeArch: "arm64",
  userTop: 0x1_0000_0000_0000,
  ntPrstatus: 1,
  sysSeccomp: 277,
  sysKcmp: 272,
  sysGetRobustList: 100,
  epollData: 8,
  abis: [NATIVE],
  registerSize: 272,
  registers: [...Array.from({ length: 31 }, (_, i) => `x${i}`), "sp", "pc", "pstate"],
  floating: {
    note: 2,
    size: 528,
    fields: [
      ...Array.from({ length: 32 }, (_, i) => ({ name: `v${i}`, at: 16 * i, size: 16 })),
      { name: "fpsr", at: 512, size: 4 },
      { name: "fpcr", at: 516, size: 4 },
    ],
  },
  programCounter: "pc",
  stackPointer: "sp",
  call: {
    // svc #0
    instruction: [0x01, 0x00, 0x00, 0xd4],
    number: "x8",
    args: ["x0", "x1", "x2", "x3", "x4", "x5"],
    result: "x0",
    // arm64 prepares the repetition before it stops for a tracer: pc and x0 say all.
    original: undefined,
    redZone: 0,
    sysPrctl: 167,
    sysClose: 57,
  },
  // brk #0
  // BL, BLR
  callNames: CALL_NAMES,
  calls: [
    { mask: 0xfc00_0000, value: 0x9400_0000 },
    { mask: 0xffff_fc1f, value: 0xd63f_0000 },
  ],
  // They are register sets of their own, NT_ARM_HW_BREAK and NT_ARM_HW_WATCH, that are not used here.
  debugRegisters: undefined,
  breakpoint: { instruction: [0x00, 0x00, 0x20, 0xd4], behind: 0 },
  // At the stop the registers say that the call is made again; by the signal's own SA_RESTART the kernel takes that back behind it.
  interrupted: [],
  // DWARF for the Arm 64-bit architecture, section 4.1.
  dwarf: {
    registers: [...Array.from({ length: 31 }, (_, i) => `x${i}`), "sp", "pc"],
    stackPointer: 31,
    framePointer: 29,
    programCounter: 32,
    linkRegister: 30,
    addressBits: 48,
  },
};
