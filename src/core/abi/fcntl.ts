/** asm-generic/fcntl.h and linux/fcntl.h. O_DIRECTORY and O_NOFOLLOW differ on arm64 and are therefore not here. */
export const O_RDONLY = 0o0;
export const O_WRONLY = 0o1;
export const O_RDWR = 0o2;
export const O_ACCMODE = 0o3;
export const O_EXCL = 0o200;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;

export const F_DUPFD_CLOEXEC = 1030;
/** linux/pidfd.h, Linux 6.9: any thread, not only the first. */
export const PIDFD_THREAD: number = O_EXCL;

export const AT_FDCWD = -100;
export const AT_EMPTY_PATH = 0x1000;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_STATX_DONT_SYNC = 0x4000;
export const O_PATH = 0o10000000;

/** openat2(2), linux/openat2.h: resolve only what is cached, without asking any file system. */
export const SYS_openat2 = 437;
export const OPEN_HOW_SIZE = 24;
export const OPEN_HOW_RESOLVE = 16;
export const RESOLVE_CACHED = 0x20;

/** memfd_create(2). */
export const MFD_CLOEXEC = 1;

/** struct file_handle of name_to_handle_at(2): length and type, then as many bytes as the file system needs. */
export const FILE_HANDLE_BYTES = 0;
export const FILE_HANDLE_TYPE = 4;
export const FILE_HANDLE_OPAQUE = 8;
export const MAX_HANDLE_SZ = 128;

export const F_SETFD = 2;
