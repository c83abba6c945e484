/** Arguments of the calls that can reserve memory: asm-generic/mman.h, linux/sched.h, linux/ipc.h. */
export const PROT_GROWSDOWN = 0x0100_0000;
export const PROT_GROWSUP = 0x0200_0000;
export const PROT_WRITE = 0x2;
export const MAP_SHARED = 0x1;
export const MAP_PRIVATE = 0x2;
export const MAP_SHARED_VALIDATE = 0x3;
export const MAP_TYPE = 0xf;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MAP_NORESERVE = 0x4000;
export const MAP_HUGETLB = 0x4_0000;
export const MREMAP_DONTUNMAP = 4;
export const CLONE_VM = 0x100;
export const CLONE_VFORK = 0x4000;
export const CLONE_PARENT = 0x8000;
export const CLONE_THREAD = 0x10000;
export const IPC_CREAT = 0o1000;
export const IPC_PRIVATE = 0;
/** ipc(2)'s first argument for shmget, and where its version is kept. */
export const IPCOP_SHMGET = 23;
export const IPCOP_MASK = 0xffff;
export const FALLOC_FL_PUNCH_HOLE = 0x2;
export const FALLOC_FL_COLLAPSE_RANGE = 0x8;
/** linux/prctl.h. */
export const PR_SET_MM = 35;
