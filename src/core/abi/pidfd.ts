/** linux/pidfd.h: what a pidfd's process is, asked of the descriptor; struct pidfd_info as Linux 6.13 had it first. */
export const PIDFD_GET_INFO = 0xc040ff0b;
export const PIDFD_INFO_SIZE = 64;
/** Byte offsets: the mask, in which one asks and is answered; the process; ids. */
export const PIDFD_INFO_MASK = 0;
export const PIDFD_INFO_TGID = 20;
export const PIDFD_INFO_PPID = 24;
export const PIDFD_INFO_RUID = 28;
export const PIDFD_INFO_EUID = 36;
/** What is asked for. */
export const PIDFD_INFO_WITH_PID = 1;
export const PIDFD_INFO_WITH_CREDS = 2;
/** Flag of pidfd_open(2): a thread, not a process. Linux 6.9. */
export const PIDFD_THREAD = 0o200;
