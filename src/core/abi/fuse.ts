/** The FUSE kernel interface, linux/fuse.h: what the session uses of it. All fields are little-endian here. */

export const FUSE_KERNEL_VERSION = 7;
/** The oldest minor version the session speaks. */
export const FUSE_MIN_MINOR = 31;
export const FUSE_KERNEL_MINOR_VERSION = 38;

/** struct fuse_in_header. */
export const IN_HEADER_SIZE = 40;
export const IN_LEN = 0;
export const IN_OPCODE = 4;
export const IN_UNIQUE = 8;
export const IN_NODEID = 16;
export const IN_UID = 24;
export const IN_GID = 28;
export const IN_PID = 32;

/** struct fuse_out_header. */
export const OUT_HEADER_SIZE = 16;
export const OUT_ERROR = 4;
export const OUT_UNIQUE = 8;

/** An opcode that needs care: what it does cannot be done twice. */
export const FUSE_WRITE = 16;

/** INIT flags. */
export const FUSE_ATOMIC_O_TRUNC = 0x8;
export const FUSE_BIG_WRITES = 0x20;
export const FUSE_PARALLEL_DIROPS = 0x40000;
export const FUSE_MAX_PAGES = 0x400000;
/** There is a second word of flags, in which bit n stands for flag 32 + n. */
export const FUSE_INIT_EXT = 0x4000_0000;
/** Second word: the kernel sends requests again that were received and not answered (7.40, Linux 6.9). */
export const FUSE_HAS_RESEND_HIGH = 0x80;

/** What a server tells the kernel unasked, in the error field of a message whose `unique` is 0. */
export const FUSE_NOTIFY_RESEND = 7;
/** What poll(2) says of a file may have changed. Its body is the number that the POLL request had. */
export const FUSE_NOTIFY_POLL = 1;
export const NOTIFY_POLL_SIZE = 8;
/** POLL: the kernel wants to be told of a change. */
export const FUSE_POLL_SCHEDULE_NOTIFY = 1;
export const POLL_OUT_SIZE = 8;
/** In the upper half of `unique`: the request was sent before, to a server that has not answered it. */
export const FUSE_UNIQUE_RESEND_HIGH = 0x8000_0000;

/** OPEN reply flags. */
export const FOPEN_DIRECT_IO = 0x1;
export const FOPEN_NOFLUSH = 0x20;

/** READ flag: set for read(2) and its like, never for a page-cache read. */
export const FUSE_READ_LOCKOWNER = 0x2;

export const ATTR_SIZE = 88;
export const ENTRY_OUT_SIZE = 128;
export const ATTR_OUT_SIZE = 104;
export const OPEN_OUT_SIZE = 16;
export const WRITE_OUT_SIZE = 8;
export const STATFS_OUT_SIZE = 80;
export const INIT_OUT_SIZE = 64;
/** struct fuse_dirent before the name. */
export const DIRENT_HEADER_SIZE = 24;

/** One READ, WRITE or READDIR at most: 256 pages. */
export const MAX_PAGES = 256;
export const MAX_TRANSFER = 0x10_0000;

/** Type bits of st_mode, and the same as a directory entry's type, inode(7). */
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
export const DT_SHIFT = 12;
