import type { Arch } from "./arch.ts";

/** struct user_pt_regs, arm64 asm/ptrace.h; 48-bit addresses. */
export const ARM64: Arch = {
  machine: "aarch64",
  nodeArch: "arm64",
  userTop: 0x1_0000_0000_0000,
  ntPrstatus: 1,
  sysSeccomp: 277,
  registerSize: 272,
  registers: [...Array.from({ length: 31 }, (_, i) => `x${i}`), "sp", "pc", "pstate"],
  programCounter: "pc",
  stackPointer: "sp",
};
