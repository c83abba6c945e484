/** 9P2000.L as Linux speaks it, include/net/9p/9p.h: constants that are no message layout. */
export const VERSION_9P2000_L = "9P2000.L";
/** "No fid" and "no tag". */
export const NOFID = 0xffff_ffff;
export const NOTAG = 0xffff;
/** Most names in one Twalk. */
export const MAXWELEM = 16;
/** Bytes of a message that are not data, Tread and Twrite: what msize leaves for data is less by it. */
export const IOHDRSZ = 24;
export const MIN_MSIZE = 4096;
export const MAX_MSIZE = 0x10_0018;

/** qid types. */
export const QTDIR = 0x80;
export const QTSYMLINK = 0x02;
export const QTFILE = 0x00;

/** Bits of Rgetattr's valid mask: everything up to the blocks. */
export const GETATTR_BASIC = 0x7ff;

/** The file-system type that statfs shows: V9FS_MAGIC. */
export const V9FS_MAGIC = 0x0102_1997;

/** d_type of an entry, linux dirent. */
export const DT_TYPES: Readonly<Record<"dir" | "file" | "link", number>> = { dir: 4, file: 8, link: 10 };

/** File type bits of st_mode, linux/stat.h. */
export const S_IFMT = 0o170000;
export const S_IFMT_OF: Readonly<Record<"dir" | "file" | "link", number>> = {
  dir: 0o040000,
  file: 0o100000,
  link: 0o120000,
};

/** What is preferred for I/O: a page. */
export const STATFS_BLOCK = 4096;

/** The extended attribute of ours that says in words why the last request on a fid failed. */
export const REASON_ATTRIBUTE = "user.lyonnais.reason";
