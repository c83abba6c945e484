/** What differs from one processor to another: facts, no code. */
export interface Arch {
  /** As `uname -m` names it, and as Node does. */
  readonly machine: string;
  readonly nodeArch: string;
  /** One past the highest user address. */
  readonly userTop: number;
  /** Note type of the general register set, linux/elf.h. */
  readonly ntPrstatus: number;
  /** seccomp(2). */
  readonly sysSeccomp: number;
  /** Bytes of the general register set. */
  readonly registerSize: number;
  /** Its 64-bit fields in order: field i is at byte 8 * i. */
  readonly registers: readonly string[];
  readonly programCounter: string;
  readonly stackPointer: string;
}
