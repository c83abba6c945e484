/** linux/prctl.h and linux/capability.h. */
export const PR_SET_NO_NEW_PRIVS = 38;
export const CAP_SYS_ADMIN = 21;
