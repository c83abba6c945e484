import {
  DT_TYPES,
  GETATTR_BASIC,
  IOHDRSZ,
  MAXWELEM,
  NOFID,
  REASON_ATTRIBUTE,
  S_IFMT_OF,
  STATFS_BLOCK,
  V9FS_MAGIC,
} from "../../abi/ninep.ts";
import { ByteWriter } from "../../base/bytes.ts";
import { Errno, type ErrnoName } from "../../base/errno.ts";
import { utf8 } from "../../base/text.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { DirEntry, DirNode, FileNode, FileSystem, Handle, Node } from "../../vfs/node.ts";
import { mapOutcome, type Outcome } from "../../vfs/parked.ts";
import { readSlice } from "../../vfs/slice.ts";
import { openMode } from "../open-mode.ts";
import { bulkData } from "./codec.ts";
import { type Fid, type Fids, Qids } from "./fids.ts";
import { FIELD_CODECS, type Qid } from "./fields.ts";
import type { Body, Message, MessageName } from "./messages.ts";

/** What handlers work on. */
export interface NinepState {
  readonly fids: Fids;
  readonly qids: Qids;
  /** As agreed on. */
  readonly msize: number;
  /** The file system of that name, and who the connection acts as. EPERM, ENOENT. */
  attach(aname: string): FileSystem;
  readonly fs: FileSystem;
  readonly caller: Caller;
  /** Ends what waits on that fid. */
  interruptFid(fid: number): void;
}

/** A handler's answer: the reply's fields, now or later. */
type Handle9<T extends MessageName, R extends MessageName> = (
  state: NinepState,
  message: Message<T>,
) => Outcome<Body<R>>;

export interface NinepRow {
  readonly reply: MessageName;
  readonly handle: (state: NinepState, message: never) => Outcome<object>;
}

function row<T extends MessageName, R extends MessageName>(_request: T, reply: R, handle: Handle9<T, R>): NinepRow {
  return { reply, handle: handle as NinepRow["handle"] };
}

function attach(state: NinepState, { fid, afid, aname }: Message<"Tattach">): Body<"Rattach"> {
  if (afid !== NOFID) throw new Errno("EINVAL", "no authentication is asked for");
  state.fids.refuseUsed(fid);
  const { root } = state.attach(aname);
  state.fids.set(fid, { node: root, parents: [] });
  return { qid: state.qids.of(root, state.caller) };
}

/** One step of a walk. */
function step({ node, parents }: Fid, name: string, caller: Caller): Fid {
  if (node.kind !== "dir") throw new Errno("ENOTDIR", "a component is not a directory");
  if (name === ".") return { node, parents };
  if (name === "..") return { node: parents.at(-1) ?? node, parents: parents.slice(0, -1) };
  if (name === "" || name.includes("/")) throw new Errno("EINVAL", `no name: ${JSON.stringify(name)}`);
  return { node: node.lookup(caller, name), parents: [...parents, node as DirNode] };
}

function walk(state: NinepState, { fid, newfid, names }: Message<"Twalk">): Body<"Rwalk"> {
  if (names.length > MAXWELEM) throw new Errno("EINVAL", `${names.length} names in one walk`);
  const { caller } = state;
  let at = state.fids.get(fid);
  // The protocol forbids walks from what is open; diod's own tools make them, and nothing speaks against it.
  if (newfid !== fid) state.fids.refuseUsed(newfid);
  else if (at.opened) throw new Errno("EBUSY", `fid ${fid} is open`);
  const qids: Qid[] = [];
  for (const name of names) {
    try {
      at = step(at, name, caller);
      qids.push(state.qids.of(at.node, caller));
    } catch (error) {
      // What follows the first name may be missing: the answer says how far it went, and newfid stays free.
      if (!(error instanceof Errno) || qids.length === 0) throw error;
      return { qids };
    }
  }
  state.fids.set(newfid, { node: at.node, parents: at.parents });
  return { qids };
}

function lopen(state: NinepState, { fid, flags }: Message<"Tlopen">): Outcome<Body<"Rlopen">> {
  const { caller } = state;
  const opening = state.fids.get(fid);
  const { node } = opening;
  if (opening.opened) throw new Errno("EBUSY", `fid ${fid} is open`);
  const mode = openMode(flags);
  const opened = (what: NonNullable<Fid["opened"]>): Body<"Rlopen"> => {
    opening.opened = what;
    return { qid: state.qids.of(node, caller), iounit: state.msize - IOHDRSZ };
  };
  if (node.kind === "link") throw new Errno("ELOOP", "a symbolic link");
  if (node.kind === "dir") {
    if (mode.write) throw new Errno("EISDIR", "a directory");
    const parent = opening.parents.at(-1) ?? node;
    const entries: DirEntry[] = [
      { name: ".", ino: node.stat(caller).ino, kind: "dir" },
      { name: "..", ino: parent.stat(caller).ino, kind: "dir" },
      ...node.list(caller),
    ];
    return opened({ entries, release: state.fs.claims?.directory(caller, entries.length) ?? (() => {}) });
  }
  return mapOutcome(node.open(caller, mode), (handle) => {
    // While the open waited the fid may have gone, or another open of it has come first.
    const isThere = state.fids.has(fid, opening);
    if (isThere && !opening.opened) return opened({ handle });
    handle.close?.();
    if (isThere) throw new Errno("EBUSY", `fid ${fid} was opened meanwhile`);
    throw new Errno("EINTR", "the fid was let go meanwhile");
  });
}

function handleOf(state: NinepState, number: number): Handle {
  const { node, opened } = state.fids.get(number);
  if (node.kind === "dir") throw new Errno("EISDIR", "a directory");
  if (!opened || !("handle" in opened)) throw new Errno("EBADF", `fid ${number} is not open`);
  return opened.handle;
}

function read(state: NinepState, { fid, offset, count }: Message<"Tread">): Outcome<Body<"Rread">> {
  const handle = handleOf(state, fid);
  if (!handle.read) throw new Errno("EOPNOTSUPP", "not for reading");
  const into = bulkData(Math.min(count, state.msize - IOHDRSZ));
  return mapOutcome(handle.read(state.caller, offset, into), (length) => ({ data: into.subarray(0, length) }));
}

function write(state: NinepState, { fid, offset, data }: Message<"Twrite">): Outcome<Body<"Rwrite">> {
  const handle = handleOf(state, fid);
  if (!handle.write) throw new Errno("EOPNOTSUPP", "not for writing");
  return mapOutcome(handle.write(state.caller, offset, data), (count) => ({ count }));
}

function readdir(state: NinepState, { fid, offset, count }: Message<"Treaddir">): Body<"Rreaddir"> {
  const { node, opened } = state.fids.get(fid);
  if (node.kind !== "dir") throw new Errno("ENOTDIR", "not a directory");
  if (!opened || !("entries" in opened)) throw new Errno("EBADF", `fid ${fid} is not open`);
  const limit = Math.min(count, state.msize - IOHDRSZ);
  const writer = new ByteWriter(Math.min(limit, 64 * 1024));
  let end = 0;
  for (let i = offset; i < opened.entries.length; i++) {
    const entry = opened.entries[i]!;
    FIELD_CODECS.qid.write(writer, Qids.ofEntry(entry));
    writer.u64(i + 1).u8(DT_TYPES[entry.kind]);
    FIELD_CODECS.string.write(writer, entry.name);
    if (writer.length > limit) break;
    end = writer.length;
  }
  if (end === 0 && offset < opened.entries.length) throw new Errno("EINVAL", `${count} bytes do not hold an entry`);
  return { data: writer.written.slice(0, end) };
}

function getattr(state: NinepState, { fid }: Message<"Tgetattr">): Body<"Rgetattr"> {
  const { node } = state.fids.get(fid);
  const stat = node.stat(state.caller);
  const sec = Math.floor(stat.timeMs / 1000);
  const nsec = (stat.timeMs % 1000) * 1_000_000;
  return {
    valid: GETATTR_BASIC,
    qid: state.qids.of(node, state.caller),
    mode: S_IFMT_OF[node.kind] | stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    nlink: stat.nlink,
    rdev: 0,
    size: stat.size,
    blksize: STATFS_BLOCK,
    blocks: Math.ceil(stat.size / 512),
    ...{ atimeSec: sec, atimeNsec: nsec, mtimeSec: sec, mtimeNsec: nsec, ctimeSec: sec, ctimeNsec: nsec },
    ...{ btimeSec: 0, btimeNsec: 0, gen: 0, dataVersion: 0 },
  };
}

function statfs({ fids, fs }: NinepState, { fid }: Message<"Tstatfs">): Body<"Rstatfs"> {
  fids.get(fid);
  const { blockSize, blocks, blocksFree, files, filesFree, nameMax } = fs.statfs();
  return {
    fstype: V9FS_MAGIC,
    bsize: blockSize,
    blocks,
    bfree: blocksFree,
    bavail: blocksFree,
    files,
    ffree: filesFree,
    fsid: 0,
    namelen: nameMax,
  };
}

function readlink({ fids, caller }: NinepState, { fid }: Message<"Treadlink">): Outcome<Body<"Rreadlink">> {
  const { node } = fids.get(fid);
  if (node.kind !== "link") throw new Errno("EINVAL", "not a symbolic link");
  return mapOutcome(node.readlink(caller), (target) => ({ target }));
}

/**
 * What the number of an error cannot say: the attribute of that name is why the last request on the fid failed, empty when none
 * did. Other clients see an attribute; there is no other.
 */
function xattrwalk(state: NinepState, { fid, newfid, attribute }: Message<"Txattrwalk">): Body<"Rxattrwalk"> {
  const { node, parents, reason = "" } = state.fids.get(fid);
  if (attribute !== REASON_ATTRIBUTE) throw new Errno("EOPNOTSUPP", "no extended attributes");
  state.fids.refuseUsed(newfid);
  const text = utf8(reason);
  const handle: Handle = { read: (_caller, offset, into) => readSlice(text, offset, into) };
  const textNode: FileNode = { kind: "file", stat: (caller) => node.stat(caller), open: () => handle };
  state.fids.set(newfid, { node: textNode, parents, opened: { handle } });
  return { size: text.length };
}

/** The fid is gone whatever its operation says. */
function clunk(state: NinepState, fid: number): Record<string, never> {
  state.interruptFid(fid);
  state.fids.clunk(fid);
  return {};
}

const known = ({ fids }: NinepState, { fid }: { readonly fid: number }): Node => fids.get(fid).node;
const change = ({ fs }: NinepState): never => {
  throw new Errno(fs.refusal, "the tree cannot be changed");
};
const refuse = (code: ErrnoName, reason: string) => (): never => {
  throw new Errno(code, reason);
};

/** One row a request, intro(9P) and diod's protocol description; what is not here answers EOPNOTSUPP. */
export const HANDLERS: { readonly [name in MessageName]?: NinepRow } = {
  Tauth: row("Tauth", "Rlerror", refuse("ENOENT", "no authentication is asked for")),
  Tattach: row("Tattach", "Rattach", attach),
  Twalk: row("Twalk", "Rwalk", walk),
  Tlopen: row("Tlopen", "Rlopen", lopen),
  Tread: row("Tread", "Rread", read),
  Twrite: row("Twrite", "Rwrite", write),
  Treaddir: row("Treaddir", "Rreaddir", readdir),
  Tgetattr: row("Tgetattr", "Rgetattr", getattr),
  // Accepted without effect, so that `echo word > ctl` works, which truncates.
  Tsetattr: row("Tsetattr", "Rsetattr", (state, message) => {
    known(state, message);
    return {};
  }),
  Tfsync: row("Tfsync", "Rfsync", (state, message) => {
    known(state, message);
    return {};
  }),
  Tstatfs: row("Tstatfs", "Rstatfs", statfs),
  Treadlink: row("Treadlink", "Rreadlink", readlink),
  Tclunk: row("Tclunk", "Rclunk", (state, { fid }) => clunk(state, fid)),
  Tremove: row("Tremove", "Rclunk", (state, { fid }) => {
    clunk(state, fid);
    return change(state);
  }),
  Txattrwalk: row("Txattrwalk", "Rxattrwalk", xattrwalk),
  Txattrcreate: row("Txattrcreate", "Rlerror", refuse("EOPNOTSUPP", "no extended attributes")),
  Tlcreate: row("Tlcreate", "Rlerror", change),
  Tsymlink: row("Tsymlink", "Rlerror", change),
  Tmknod: row("Tmknod", "Rlerror", change),
  Trename: row("Trename", "Rlerror", change),
  Tlink: row("Tlink", "Rlerror", change),
  Tmkdir: row("Tmkdir", "Rlerror", change),
  Trenameat: row("Trenameat", "Rlerror", change),
  Tunlinkat: row("Tunlinkat", "Rlerror", change),
};
