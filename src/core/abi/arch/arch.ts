/** How system calls are numbered under one calling convention. */
export interface SyscallAbi {
  /** AUDIT_ARCH_*, linux/audit.h. */
  readonly auditArch: number;
  /** asm/unistd.h. A call that is not listed does not exist here. */
  readonly numbers: Readonly<Record<string, number>>;
}

/** How a program makes a system call, as far as one has to know it to make one in another's place. */
export interface CallConvention {
  /** The instruction. */
  readonly instruction: readonly number[];
  /** Registers: the call's number, its arguments, its result. */
  readonly number: string;
  readonly args: readonly string[];
  readonly result: string;
  /** The register by which the kernel knows the call that was interrupted and is to be made again; -1 is none. */
  readonly original: string | undefined;
  /** Bytes below the stack pointer that belong to the program. */
  readonly redZone: number;
  /** asm/unistd.h. */
  readonly sysPrctl: number;
  readonly sysClose: number;
}

/** The instruction that stops a traced thread. */
export interface BreakInstruction {
  readonly instruction: readonly number[];
  /** How far behind its start the program counter stands then. */
  readonly behind: number;
}

/** The instructions that call: of x86, whose length varies, by its own rules; else words of 32 bits under a mask. */
export type CallInstructions = "x86" | readonly { readonly mask: number; readonly value: number }[];

/** Where a thread's general register set shows the call that a signal has interrupted. */
export interface InterruptedCall {
  /** Which of {@link Arch.abis} the call's number is of. */
  readonly abi: number;
  /** Bytes of the register set, by which it is told from others, and of one of its fields. */
  readonly registerSize: number;
  readonly word: 4 | 8;
  /** Byte offsets. */
  readonly number: number;
  readonly result: number;
  /**
   * Calls that fail with EINTR when a signal wakes them that nobody hears, signal(7): a tracer's place alone has the kernel wake them. Made
   * again they do what they would have done; those of which that is not so, as close(2), are not here.
   */
  readonly wokenInVain: readonly number[];
}

/** What the DWARF supplement of the processor's calling convention says, as far as one has to know it to unwind a stack. */
export interface DwarfFacts {
  /** Names of the general register set, by DWARF number. */
  readonly registers: readonly string[];
  readonly stackPointer: number;
  /** Points at the frame pointer of the caller, and that at the return address. */
  readonly framePointer: number;
  /** The number the program counter has. */
  readonly programCounter: number;
  /** Holds the return address of a function that has not saved it; undefined where the call itself saves it on the stack. */
  readonly linkRegister: number | undefined;
  /** Bits of an address: what is above them in a return address is a signature. */
  readonly addressBits: number;
}

/** A register within its set: a little-endian number of `size` bytes at byte `at`. */
export interface RegisterField {
  readonly name: string;
  readonly at: number;
  readonly size: number;
}

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
  /** kcmp(2). */
  readonly sysKcmp: number;
  /** get_robust_list(2). */
  readonly sysGetRobustList: number;
  /** Byte offset of `data` in struct epoll_event, which is packed on x86-64 only. */
  readonly epollData: number;
  /** The calling conventions a program may use, the native one first: those calls that memory accounting watches. */
  readonly abis: readonly [SyscallAbi, ...SyscallAbi[]];
  /** Bytes of the general register set. */
  readonly registerSize: number;
  /** Its 64-bit fields in order: field i is at byte 8 * i. */
  readonly registers: readonly string[];
  /** The floating-point set, struct user_fpregs_struct or user_fpsimd_state: note type, bytes, and its registers in order. */
  readonly floating: { readonly note: number; readonly size: number; readonly fields: readonly RegisterField[] };
  readonly programCounter: string;
  readonly stackPointer: string;
  readonly call: CallConvention;
  readonly breakpoint: BreakInstruction;
  readonly calls: CallInstructions;
  /** All system calls by name: runs of them, the number of the first of each and their names. */
  readonly callNames: readonly (readonly [first: number, names: string])[];
  /** Byte offset of the debug registers in struct user, and how many of them are addresses; undefined where they are not set that way. */
  readonly debugRegisters: { readonly offset: number; readonly addresses: number } | undefined;
  /** None where the kernel has decided what becomes of the call before it stops for a tracer. */
  readonly interrupted: readonly InterruptedCall[];
  readonly dwarf: DwarfFacts;
}
