/** linux/pidfd.h: what a pidfd's process is, asked of the descriptor; struct pidfd_info as Linux 6.13 had it first. */
export const PIDFD_GET_INFO = 0xc040ff0b;
export const PIDFD_INFO_SIZE = 64;
