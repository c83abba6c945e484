import type { FieldType, FieldTypes } from "./fields.ts";

type Fields = { readonly [name: string]: FieldType };

/** One row a message: its type byte and its fields in order, diod's protocol description and include/net/9p/9p.h. */
export const MESSAGES = {
  Rlerror: { type: 7, fields: { ecode: "u32" } },
  Tstatfs: { type: 8, fields: { fid: "u32" } },
  Rstatfs: {
    type: 9,
    fields: {
      fstype: "u32",
      bsize: "u32",
      blocks: "u64",
      bfree: "u64",
      bavail: "u64",
      files: "u64",
      ffree: "u64",
      fsid: "u64",
      namelen: "u32",
    },
  },
  Tlopen: { type: 12, fields: { fid: "u32", flags: "u32" } },
  Rlopen: { type: 13, fields: { qid: "qid", iounit: "u32" } },
  Tlcreate: { type: 14, fields: { fid: "u32", filename: "string", flags: "u32", mode: "u32", gid: "u32" } },
  Tsymlink: { type: 16, fields: { fid: "u32", filename: "string", target: "string", gid: "u32" } },
  Tmknod: {
    type: 18,
    fields: { dfid: "u32", filename: "string", mode: "u32", major: "u32", minor: "u32", gid: "u32" },
  },
  Trename: { type: 20, fields: { fid: "u32", dfid: "u32", filename: "string" } },
  Treadlink: { type: 22, fields: { fid: "u32" } },
  Rreadlink: { type: 23, fields: { target: "string" } },
  Tgetattr: { type: 24, fields: { fid: "u32", mask: "u64" } },
  Rgetattr: {
    type: 25,
    fields: {
      valid: "u64",
      qid: "qid",
      mode: "u32",
      uid: "u32",
      gid: "u32",
      nlink: "u64",
      rdev: "u64",
      size: "u64",
      blksize: "u64",
      blocks: "u64",
      atimeSec: "u64",
      atimeNsec: "u64",
      mtimeSec: "u64",
      mtimeNsec: "u64",
      ctimeSec: "u64",
      ctimeNsec: "u64",
      btimeSec: "u64",
      btimeNsec: "u64",
      gen: "u64",
      dataVersion: "u64",
    },
  },
  Tsetattr: {
    type: 26,
    fields: {
      fid: "u32",
      valid: "u32",
      mode: "u32",
      uid: "u32",
      gid: "u32",
      size: "u64",
      atimeSec: "u64",
      atimeNsec: "u64",
      mtimeSec: "u64",
      mtimeNsec: "u64",
    },
  },
  Rsetattr: { type: 27, fields: {} },
  Txattrwalk: { type: 30, fields: { fid: "u32", newfid: "u32", attribute: "string" } },
  Rxattrwalk: { type: 31, fields: { size: "u64" } },
  Txattrcreate: { type: 32, fields: { fid: "u32", attribute: "string", size: "u64", flags: "u32" } },
  Treaddir: { type: 40, fields: { fid: "u32", offset: "u64", count: "u32" } },
  Rreaddir: { type: 41, fields: { data: "data" } },
  Tfsync: { type: 50, fields: { fid: "u32" } },
  Rfsync: { type: 51, fields: {} },
  Tlink: { type: 70, fields: { dfid: "u32", fid: "u32", filename: "string" } },
  Tmkdir: { type: 72, fields: { dfid: "u32", filename: "string", mode: "u32", gid: "u32" } },
  Trenameat: { type: 74, fields: { olddirfid: "u32", oldname: "string", newdirfid: "u32", newname: "string" } },
  Tunlinkat: { type: 76, fields: { dirfd: "u32", filename: "string", flags: "u32" } },
  Tversion: { type: 100, fields: { msize: "u32", version: "string" } },
  Rversion: { type: 101, fields: { msize: "u32", version: "string" } },
  Tauth: { type: 102, fields: { afid: "u32", uname: "string", aname: "string", nUname: "u32" } },
  Tattach: { type: 104, fields: { fid: "u32", afid: "u32", uname: "string", aname: "string", nUname: "u32" } },
  Rattach: { type: 105, fields: { qid: "qid" } },
  Tflush: { type: 108, fields: { oldtag: "u16" } },
  Rflush: { type: 109, fields: {} },
  Twalk: { type: 110, fields: { fid: "u32", newfid: "u32", names: "strings" } },
  Rwalk: { type: 111, fields: { qids: "qids" } },
  Tread: { type: 116, fields: { fid: "u32", offset: "u64", count: "u32" } },
  Rread: { type: 117, fields: { data: "data" } },
  Twrite: { type: 118, fields: { fid: "u32", offset: "u64", data: "data" } },
  Rwrite: { type: 119, fields: { count: "u32" } },
  Tclunk: { type: 120, fields: { fid: "u32" } },
  Rclunk: { type: 121, fields: {} },
  Tremove: { type: 122, fields: { fid: "u32" } },
} as const;

export type MessageName = keyof typeof MESSAGES;

type Values<F extends Fields> = { readonly [N in keyof F]: FieldTypes[F[N]] };

/** The fields of one message, without its tag. */
export type Body<N extends MessageName> = Values<(typeof MESSAGES)[N]["fields"]>;

/** A message with its name and tag. */
export type Message<N extends MessageName = MessageName> = {
  readonly [M in N]: { readonly name: M; readonly tag: number } & Body<M>;
}[N];
