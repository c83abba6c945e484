/** linux/seccomp.h, linux/filter.h and linux/audit.h. */
export const SECCOMP_SET_MODE_FILTER = 1;
export const SECCOMP_GET_ACTION_AVAIL = 2;
export const SECCOMP_GET_NOTIF_SIZES = 3;

export const SECCOMP_FILTER_FLAG_TSYNC = 0x1;
/** Without it some kernels switch speculation off for the process, which slows it down. */
export const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 0x4;
export const SECCOMP_FILTER_FLAG_NEW_LISTENER = 0x8;
export const SECCOMP_FILTER_FLAG_TSYNC_ESRCH = 0x10;
export const SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 0x20;

export const SECCOMP_RET_KILL_PROCESS = 0x8000_0000;
export const SECCOMP_RET_ERRNO = 0x0005_0000;
export const SECCOMP_RET_USER_NOTIF = 0x7fc0_0000;
export const SECCOMP_RET_LOG = 0x7ffc_0000;
export const SECCOMP_RET_ALLOW = 0x7fff_0000;
export const SECCOMP_RET_ACTION_FULL = 0xffff_0000;

/** struct seccomp_data: byte offsets. Argument i is at `SECCOMP_DATA_ARGS + 8 * i`. */
export const SECCOMP_DATA_NR = 0;
export const SECCOMP_DATA_ARCH = 4;
export const SECCOMP_DATA_IP = 8;
export const SECCOMP_DATA_ARGS = 16;
export const SECCOMP_DATA_SIZE = 64;

/** struct seccomp_notif and seccomp_notif_resp: byte offsets and sizes. */
export const SECCOMP_NOTIF_SIZE = 80;
export const SECCOMP_NOTIF_PID = 8;
export const SECCOMP_NOTIF_DATA = 16;
export const SECCOMP_NOTIF_RESP_SIZE = 24;
export const SECCOMP_NOTIF_RESP_VAL = 8;
export const SECCOMP_NOTIF_RESP_ERROR = 16;
export const SECCOMP_NOTIF_RESP_FLAGS = 20;
export const SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1;

export const SECCOMP_IOCTL_NOTIF_RECV = 0xc050_2100;
export const SECCOMP_IOCTL_NOTIF_SEND = 0xc018_2101;
export const SECCOMP_IOCTL_NOTIF_ID_VALID = 0x4008_2102;
export const SECCOMP_IOCTL_NOTIF_SET_FLAGS = 0x4008_2104;
/** Linux 6.6: an answer switches the processor of the answering thread to the thread that waits. */
export const SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP = 1;

/** struct sock_filter: 8 bytes an instruction. */
export const SOCK_FILTER_SIZE = 8;
export const BPF_LD_W_ABS = 0x20;
export const BPF_ALU_AND_K = 0x54;
export const BPF_JMP_JA = 0x05;
export const BPF_JMP_JEQ_K = 0x15;
export const BPF_JMP_JGE_K = 0x35;
export const BPF_RET_K = 0x06;

/** x32 calls carry this bit in their number. */
export const X32_SYSCALL_BIT = 0x4000_0000;
