import {
  ATTR_OUT_SIZE,
  ENTRY_OUT_SIZE,
  FOPEN_DIRECT_IO,
  FOPEN_NOFLUSH,
  FUSE_ATOMIC_O_TRUNC,
  FUSE_BIG_WRITES,
  FUSE_HAS_RESEND_HIGH,
  FUSE_INIT_EXT,
  FUSE_KERNEL_MINOR_VERSION,
  FUSE_KERNEL_VERSION,
  FUSE_MAX_PAGES,
  FUSE_MIN_MINOR,
  FUSE_PARALLEL_DIROPS,
  FUSE_WRITE,
  INIT_OUT_SIZE,
  MAX_PAGES,
  MAX_TRANSFER,
  OPEN_OUT_SIZE,
  STATFS_OUT_SIZE,
} from "../../abi/fuse.ts";
import { Errno, type ErrnoName } from "../../base/errno.ts";
import { latin1 } from "../../base/text.ts";
import type { DirEntry, DirNode, FileSystem, Node } from "../../vfs/node.ts";
import { mapOutcome, type Outcome, Parked } from "../../vfs/parked.ts";
import { openMode } from "../open-mode.ts";
import { listing, type OpenFiles } from "./open-files.ts";
import { poll } from "./poll.ts";
import type { FuseReply } from "./reply.ts";
import type { FuseRequest } from "./request.ts";
import { read, write } from "./transfers.ts";

/** What was agreed on with the kernel. */
export interface Agreement {
  /** The kernel's minor version. */
  readonly minor: number;
  /** It sends requests again that a server has received and not answered. */
  readonly resends: boolean;
}

/** What handlers work on. */
export interface FuseState {
  readonly fs: FileSystem;
  readonly files: OpenFiles;
  /** Ends the parked request with that number, if there is one. */
  interrupt(unique: number): void;
  /** What poll(2) says of a file may have changed; `kh` is the kernel's number of it. */
  wake(kh: number): void;
  /** Version and flags were agreed on. */
  initialized(agreement: Agreement): void;
}

/** No reply is sent: FORGET and its like. */
export const SILENT = -1;

export interface FuseOp {
  readonly opcode: number;
  readonly name: string;
  /** Bytes the body must have at least. */
  readonly minBody: number;
  /** The reply carries data and may be as long as the largest transfer. */
  readonly bulk?: boolean;
  /** Served as soon as it comes: nobody waits for it, or it ends what waits. */
  readonly outOfTurn?: boolean;
  /** Fills the reply's body and returns its length, now or later. */
  handle(state: FuseState, request: FuseRequest, reply: FuseReply): Outcome<number>;
}

/** Numbers say what nodes are, so there is no count of lookups. ESTALE. */
function nodeOf({ fs }: FuseState, { nodeHigh, nodeLow }: FuseRequest): Node {
  return fs.numbers.node(nodeHigh, nodeLow);
}

function directory(state: FuseState, request: FuseRequest): DirNode {
  const node = nodeOf(state, request);
  if (node.kind !== "dir") throw new Errno("ENOTDIR", "not a directory");
  return node;
}

function lookup(state: FuseState, request: FuseRequest, reply: FuseReply): number {
  const { caller } = request;
  const parent = directory(state, request);
  const node = parent.lookup(caller, request.name());
  const stat = node.stat(caller);
  const { high, low } = state.fs.numbers.of(node);
  reply.clear(ENTRY_OUT_SIZE);
  reply.u32(0, low);
  reply.u32(4, high);
  reply.attr(ENTRY_OUT_SIZE - 88, node.kind, stat);
  return ENTRY_OUT_SIZE;
}

function getattr(state: FuseState, request: FuseRequest, reply: FuseReply): number {
  const node = nodeOf(state, request);
  reply.clear(16);
  reply.attr(16, node.kind, node.stat(request.caller));
  return ATTR_OUT_SIZE;
}

function readlink(state: FuseState, request: FuseRequest, reply: FuseReply): Outcome<number> {
  const node = nodeOf(state, request);
  if (node.kind !== "link") throw new Errno("EINVAL", "not a symbolic link");
  return mapOutcome(node.readlink(request.caller), (text) => {
    const target = latin1(text);
    reply.body(target.length).set(target);
    return target.length;
  });
}

function openReply(reply: FuseReply, fh: number): number {
  reply.u64(0, fh);
  reply.u32(8, FOPEN_DIRECT_IO | FOPEN_NOFLUSH);
  reply.u32(12, 0);
  return OPEN_OUT_SIZE;
}

function open(state: FuseState, request: FuseRequest, reply: FuseReply): Outcome<number> {
  const node = nodeOf(state, request);
  if (node.kind !== "file") throw new Errno(node.kind === "dir" ? "EISDIR" : "ELOOP", "not a file");
  const mode = openMode(request.u32(0));
  const opened = node.open(request.caller, mode);
  if (!(opened instanceof Parked)) return openReply(reply, state.files.addFile(request, mode, opened));
  const header = request.keepHeader();
  return mapOutcome(opened, (handle) => openReply(reply, state.files.addFile(header, mode, handle)));
}

function opendir(state: FuseState, request: FuseRequest, reply: FuseReply): number {
  const dir = directory(state, request);
  return openReply(reply, state.files.addDirectory(request, listing(state.fs, dir, request.caller)));
}

const placeOf = (entries: readonly DirEntry[], index: number): number => entries[index]!.place ?? index + 1;

/** The index of the first entry behind `place`: places grow. */
function firstBehind(entries: readonly DirEntry[], place: number): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (placeOf(entries, middle) > place) high = middle;
    else low = middle + 1;
  }
  return low;
}

function readdir(state: FuseState, request: FuseRequest, reply: FuseReply): number {
  const entries = state.files.entries(request.u64(0));
  const limit = Math.min(request.u32(16), MAX_TRANSFER);
  let at = 0;
  for (let i = firstBehind(entries, request.u64(8)); i < entries.length; i++) {
    const end = reply.dirent(at, limit, entries[i]!, placeOf(entries, i));
    if (end < 0) break;
    at = end;
  }
  return at;
}

function release(state: FuseState, request: FuseRequest): number {
  state.files.close(request.u64(0));
  return 0;
}

function init(state: FuseState, request: FuseRequest, reply: FuseReply): number {
  const major = request.u32(0);
  const minor = request.u32(4);
  reply.clear(INIT_OUT_SIZE);
  reply.u32(0, FUSE_KERNEL_VERSION);
  reply.u32(4, FUSE_KERNEL_MINOR_VERSION);
  // A newer kernel is answered with our major version and asks again.
  if (major > FUSE_KERNEL_VERSION) return INIT_OUT_SIZE;
  if (major < FUSE_KERNEL_VERSION || minor < FUSE_MIN_MINOR) {
    throw new Errno("EPROTO", `FUSE ${major}.${minor} is older than ${FUSE_KERNEL_VERSION}.${FUSE_MIN_MINOR}`);
  }
  const wanted = FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_INIT_EXT;
  const offered = request.u32(12);
  const resends =
    (offered & FUSE_INIT_EXT) !== 0 && request.bodyLength >= 20 && (request.u32(16) & FUSE_HAS_RESEND_HIGH) !== 0;
  reply.u32(12, offered & wanted);
  reply.u16(16, 64);
  reply.u16(18, 48);
  reply.u32(20, MAX_TRANSFER);
  reply.u32(24, 1);
  reply.u16(28, MAX_PAGES);
  reply.u32(32, resends ? FUSE_HAS_RESEND_HIGH : 0);
  state.initialized({ minor, resends });
  return INIT_OUT_SIZE;
}

const done = (): number => 0;
const silent = (): number => SILENT;
const refuse = (code: ErrnoName, reason: string) => (): never => {
  throw new Errno(code, reason);
};
const refuseChange = (state: FuseState): never => {
  throw new Errno(state.fs.refusal, "the tree cannot be changed");
};

/** One row an opcode, linux/fuse.h; what is not here answers ENOSYS. */
export const FUSE_OPS: readonly FuseOp[] = [
  { opcode: 1, name: "LOOKUP", minBody: 1, handle: lookup },
  { opcode: 2, name: "FORGET", minBody: 8, outOfTurn: true, handle: silent },
  { opcode: 3, name: "GETATTR", minBody: 16, handle: getattr },
  // Accepted without effect, so that `echo word > ctl` works, which truncates.
  { opcode: 4, name: "SETATTR", minBody: 88, handle: getattr },
  { opcode: 5, name: "READLINK", minBody: 0, bulk: true, handle: readlink },
  { opcode: 6, name: "SYMLINK", minBody: 0, handle: refuseChange },
  { opcode: 8, name: "MKNOD", minBody: 0, handle: refuseChange },
  { opcode: 9, name: "MKDIR", minBody: 0, handle: refuseChange },
  { opcode: 10, name: "UNLINK", minBody: 0, handle: refuseChange },
  { opcode: 11, name: "RMDIR", minBody: 0, handle: refuseChange },
  { opcode: 12, name: "RENAME", minBody: 0, handle: refuseChange },
  { opcode: 13, name: "LINK", minBody: 0, handle: refuseChange },
  { opcode: 14, name: "OPEN", minBody: 8, handle: open },
  { opcode: 15, name: "READ", minBody: 40, bulk: true, handle: read },
  { opcode: FUSE_WRITE, name: "WRITE", minBody: 40, handle: write },
  {
    opcode: 17,
    name: "STATFS",
    minBody: 0,
    handle: (state, _request, reply) => {
      reply.clear(STATFS_OUT_SIZE);
      reply.statfs(state.fs.statfs());
      return STATFS_OUT_SIZE;
    },
  },
  { opcode: 18, name: "RELEASE", minBody: 8, outOfTurn: true, handle: release },
  { opcode: 20, name: "FSYNC", minBody: 0, handle: done },
  { opcode: 21, name: "SETXATTR", minBody: 0, handle: refuse("EOPNOTSUPP", "no extended attributes") },
  { opcode: 22, name: "GETXATTR", minBody: 0, handle: refuse("EOPNOTSUPP", "no extended attributes") },
  { opcode: 23, name: "LISTXATTR", minBody: 0, handle: refuse("EOPNOTSUPP", "no extended attributes") },
  { opcode: 24, name: "REMOVEXATTR", minBody: 0, handle: refuse("EOPNOTSUPP", "no extended attributes") },
  { opcode: 25, name: "FLUSH", minBody: 0, handle: done },
  { opcode: 26, name: "INIT", minBody: 16, outOfTurn: true, handle: init },
  { opcode: 27, name: "OPENDIR", minBody: 8, handle: opendir },
  { opcode: 28, name: "READDIR", minBody: 40, bulk: true, handle: readdir },
  { opcode: 29, name: "RELEASEDIR", minBody: 8, outOfTurn: true, handle: release },
  { opcode: 30, name: "FSYNCDIR", minBody: 0, handle: done },
  { opcode: 35, name: "CREATE", minBody: 0, handle: refuseChange },
  {
    opcode: 36,
    name: "INTERRUPT",
    minBody: 8,
    outOfTurn: true,
    handle: (state, request) => {
      state.interrupt(request.uniqueAt(0));
      return SILENT;
    },
  },
  { opcode: 38, name: "DESTROY", minBody: 0, outOfTurn: true, handle: done },
  { opcode: 39, name: "IOCTL", minBody: 0, handle: refuse("ENOTTY", "no ioctl") },
  { opcode: 40, name: "POLL", minBody: 24, handle: poll },
  { opcode: 42, name: "BATCH_FORGET", minBody: 8, outOfTurn: true, handle: silent },
  { opcode: 43, name: "FALLOCATE", minBody: 0, handle: refuse("EOPNOTSUPP", "no fallocate") },
  { opcode: 45, name: "RENAME2", minBody: 0, handle: refuseChange },
  { opcode: 51, name: "TMPFILE", minBody: 0, handle: refuseChange },
];
