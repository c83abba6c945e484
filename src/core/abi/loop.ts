/** Loop devices, linux/loop.h. The numbers are the same on every architecture. */
export const LOOP_SET_FD = 0x4c00;
export const LOOP_CLR_FD = 0x4c01;
export const LOOP_SET_STATUS64 = 0x4c04;
export const LOOP_GET_STATUS64 = 0x4c05;
export const LOOP_SET_CAPACITY = 0x4c07;
export const LOOP_CONFIGURE = 0x4c0a;
/** Of /dev/loop-control. */
export const LOOP_CTL_GET_FREE = 0x4c82;

/** struct loop_info64. */
export const LOOP_INFO_SIZE = 232;
export const LOOP_INFO_FLAGS = 52;
/** Any text of at most 63 bytes, ended by 0: the kernel keeps it and has no use for it. */
export const LOOP_INFO_FILE_NAME = 56;
export const LO_NAME_SIZE = 64;

/** The device is given back when its last user closes it. */
export const LO_FLAGS_AUTOCLEAR = 4;

/** struct loop_config: fd, block size, a struct loop_info64, 64 bytes of nothing. */
export const LOOP_CONFIG_FD = 0;
export const LOOP_CONFIG_INFO = 8;
export const LOOP_CONFIG_SIZE = 304;
