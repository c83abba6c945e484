/** struct statx, linux/stat.h: the same on every architecture. Byte offsets. */
export const STATX_SIZE = 256;
export const STATX_NLINK = 16;
export const STATX_UID = 20;
export const STATX_GID = 24;
export const STATX_INO = 32;
export const STATX_BYTES = 40;
/** Of 512 bytes. */
export const STATX_BLOCKS = 48;
/** struct statx_timestamp: seconds, and nanoseconds at byte 8. */
export const STATX_MTIME = 112;
export const STATX_DEV_MAJOR = 136;
export const STATX_DEV_MINOR = 140;

/** Request masks. */
export const STATX_MASK_NLINK = 0x4;
export const STATX_MASK_UID_GID = 0x18;
export const STATX_MASK_MTIME = 0x40;
export const STATX_MASK_INO = 0x100;
export const STATX_MASK_SIZE = 0x200;
export const STATX_MASK_BLOCKS = 0x400;
