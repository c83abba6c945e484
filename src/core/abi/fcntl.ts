/** asm-generic/fcntl.h and linux/fcntl.h. O_DIRECTORY and O_NOFOLLOW differ on arm64 and are therefore not here. */
export const O_RDONLY = 0o0;
export const O_WRONLY = 0o1;
export const O_RDWR = 0o2;
export const O_ACCMODE = 0o3;
export const O_EXCL = 0o200;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;

export const AT_FDCWD = -100;
export const AT_EMPTY_PATH = 0x1000;
export const AT_STATX_DONT_SYNC = 0x4000;
export const O_PATH = 0o10000000;

/** openat2(2), linux/openat2.h: resolve only what is cached, without asking any file system. */
export const SYS_openat2 = 437;
export const OPEN_HOW_SIZE = 24;
export const OPEN_HOW_RESOLVE = 16;
export const RESOLVE_CACHED = 0x20;
