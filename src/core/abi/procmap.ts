/** PROCMAP_QUERY, linux/fs.h (6.11): `_IOWR('f', 17, struct procmap_query)`. Byte offsets into the struct. */
export const PROCMAP_QUERY = 0xc068_6611;
export const PROCMAP_QUERY_SIZE = 104;
export const PROCMAP_QUERY_FLAGS = 8;
export const PROCMAP_QUERY_ADDR = 16;
export const PROCMAP_VMA_END = 32;
export const PROCMAP_VMA_START = 24;
export const PROCMAP_DEV_MAJOR = 72;
export const PROCMAP_DEV_MINOR = 76;

/** Query flags: the mapping at the address or the next one; only mappings of files. */
export const PROCMAP_QUERY_COVERING_OR_NEXT_VMA = 0x10;
export const PROCMAP_QUERY_FILE_BACKED_VMA = 0x20;
