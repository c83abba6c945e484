/** The server's side of 9P2000.L, message by message, and what mutated messages do to it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NOFID, REASON_ATTRIBUTE } from "../../abi/ninep.ts";
import type { Tid } from "../../base/brand.ts";
import { ERRNO, Errno, type ErrnoName } from "../../base/errno.ts";
import type { Caller } from "../../vfs/caller.ts";
import { type MemoryTree, memoryFileSystem } from "../../vfs/memory.ts";
import type { FileSystem, Handle } from "../../vfs/node.ts";
import { Parked } from "../../vfs/parked.ts";
import { decodeMessage, encodeMessage } from "./codec.ts";
import { parseEntries } from "./entries.ts";
import { FrameSplitter } from "./frames.ts";
import { type Body, MESSAGES, type Message, type MessageName } from "./messages.ts";
import { NinepSession } from "./session.ts";

const CALLER: Caller = { tid: 1 as Tid, uid: 0, gid: 0 };

class Wire {
  readonly session: NinepSession;
  readonly replies: Message[] = [];
  readonly bugs: unknown[] = [];

  constructor(fs: FileSystem) {
    this.session = new NinepSession({
      caller: CALLER,
      attach: (aname) => {
        if (aname !== "") throw new Errno("ENOENT", aname);
        return fs;
      },
      reply: (frame) => this.replies.push(decodeMessage(frame)),
      onBug: (error) => this.bugs.push(error),
    });
  }

  send<N extends MessageName>(name: N, body: Body<N>, tag = 1): Message | undefined {
    this.replies.length = 0;
    this.session.message(encodeMessage(name, tag, body));
    return this.replies.at(-1);
  }

  /** Sends and expects that very reply. */
  ok<N extends MessageName, R extends MessageName>(name: N, body: Body<N>, reply: R, tag = 1): Message<R> {
    const got = this.send(name, body, tag);
    assert.equal(got?.name, reply, JSON.stringify(got));
    assert.equal(got!.tag, tag);
    return got as Message<R>;
  }

  fails<N extends MessageName>(name: N, body: Body<N>, code: ErrnoName): void {
    assert.equal(this.ok(name, body, "Rlerror").ecode, ERRNO[code], name);
  }

  begin(msize = 8192): this {
    this.ok("Tversion", { msize, version: "9P2000.L" }, "Rversion");
    this.ok("Tattach", { fid: 0, afid: NOFID, uname: "", aname: "", nUname: NOFID }, "Rattach");
    return this;
  }

  walk(newfid: number, ...names: string[]): readonly { readonly path: number }[] {
    return this.ok("Twalk", { fid: 0, newfid, names }, "Rwalk").qids;
  }
}

const TREE: MemoryTree = {
  hello: "hello, world\n",
  dir: { inner: { deep: "deep\n" } },
  link: { link: "dir" },
  many: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`entry-${i}`, "x"])),
};
const wire = (): Wire => new Wire(memoryFileSystem(TREE)).begin();

/** A tree with one file whose reads and writes wait until told. */
function waiting(): { wire: Wire; parked: Parked<number>[]; closed: () => number } {
  const parked: Parked<number>[] = [];
  let closed = 0;
  const handle: Handle = {
    read: () => {
      const one = new Parked<number>();
      parked.push(one);
      return one;
    },
    close: () => {
      closed++;
    },
  };
  const stat = () => ({ ino: 7, mode: 0o644, nlink: 1, uid: 0, gid: 0, size: 0, timeMs: 0 });
  const fs = memoryFileSystem({});
  const root = { ...fs.root, lookup: () => ({ kind: "file" as const, stat, open: () => handle }) };
  const result = new Wire({ ...fs, root }).begin();
  result.walk(5, "wait");
  result.ok("Tlopen", { fid: 5, flags: 0 }, "Rlopen");
  return { wire: result, parked, closed: () => closed };
}

test("of two opens of one fid that wait only the first is one", () => {
  const opens: Parked<Handle>[] = [];
  const stat = () => ({ ino: 7, mode: 0o644, nlink: 1, uid: 0, gid: 0, size: 0, timeMs: 0 });
  const open = (): Parked<Handle> => {
    const one = new Parked<Handle>();
    opens.push(one);
    return one;
  };
  const fs = memoryFileSystem({});
  const root = { ...fs.root, lookup: () => ({ kind: "file" as const, stat, open }) };
  const it = new Wire({ ...fs, root }).begin();
  it.walk(5, "wait");
  const closed: string[] = [];
  const handle = (name: string): Handle => ({ close: () => closed.push(name) });
  for (const tag of [1, 2]) assert.equal(it.send("Tlopen", { fid: 5, flags: 0 }, tag), undefined);
  opens[1]!.settle(handle("second"));
  opens[0]!.settle(handle("first"));
  const [won, lost] = it.replies as [Message<"Rlopen">, Message<"Rlerror">];
  assert.deepEqual([won.name, won.tag, lost.tag, lost.ecode], ["Rlopen", 2, 1, ERRNO.EBUSY]);
  assert.deepEqual(closed, ["first"]);
  it.ok("Tclunk", { fid: 5 }, "Rclunk");
  assert.deepEqual(closed, ["first", "second"]);
});

test("a version is agreed on first, and a new one begins anew", () => {
  const fresh = new Wire(memoryFileSystem(TREE));
  fresh.fails("Tattach", { fid: 0, afid: NOFID, uname: "", aname: "", nUname: 0 }, "EPROTO");
  assert.equal(fresh.ok("Tversion", { msize: 8192, version: "9P2000" }, "Rversion").version, "unknown");
  fresh.fails("Tclunk", { fid: 0 }, "EPROTO");
  fresh.fails("Tversion", { msize: 100, version: "9P2000.L" }, "EMSGSIZE");
  assert.equal(fresh.ok("Tversion", { msize: 2 ** 31, version: "9P2000.L" }, "Rversion").msize, 0x10_0018);
  fresh.begin();
  fresh.walk(1, "hello");
  fresh.ok("Tversion", { msize: 8192, version: "9P2000.L" }, "Rversion");
  assert.deepEqual(fresh.session.held, { fids: 0, pending: 0 });
});

test("no authentication, no other tree", () => {
  const it = wire();
  it.fails("Tauth", { afid: 9, uname: "", aname: "", nUname: 0 }, "ENOENT");
  it.fails("Tattach", { fid: 3, afid: 9, uname: "", aname: "", nUname: 0 }, "EINVAL");
  it.fails("Tattach", { fid: 3, afid: NOFID, uname: "", aname: "other", nUname: 0 }, "ENOENT");
  it.fails("Tattach", { fid: 0, afid: NOFID, uname: "", aname: "", nUname: 0 }, "EBADF");
});

test("walks: several names, dots, clones, and how far it went", () => {
  const it = wire();
  assert.equal(it.walk(1, "dir", "inner", "deep").length, 3);
  assert.equal(it.walk(2).length, 0);
  const [, up] = it.walk(3, "dir", "..");
  const [here] = it.walk(4, ".");
  assert.equal(up!.path, here!.path);
  assert.equal(it.walk(5, "dir", "nothing").length, 1);
  it.fails("Tgetattr", { fid: 5, mask: 0 }, "EBADF");
  it.fails("Twalk", { fid: 0, newfid: 5, names: ["nothing"] }, "ENOENT");
  it.fails("Twalk", { fid: 1, newfid: 5, names: ["below"] }, "ENOTDIR");
  it.fails("Twalk", { fid: 0, newfid: 1, names: [] }, "EBADF");
  it.fails("Twalk", { fid: 77, newfid: 5, names: [] }, "EBADF");
  it.fails("Twalk", { fid: 0, newfid: 5, names: ["a/b"] }, "EINVAL");
  it.fails("Twalk", { fid: 0, newfid: 5, names: Array.from({ length: 17 }, () => ".") }, "EINVAL");
});

test("open, read, write, attributes, clunk", () => {
  const it = wire();
  it.walk(1, "hello");
  it.fails("Tread", { fid: 1, offset: 0, count: 5 }, "EBADF");
  assert.equal(it.ok("Tlopen", { fid: 1, flags: 2 }, "Rlopen").iounit, 8192 - 24);
  it.fails("Tlopen", { fid: 1, flags: 0 }, "EBUSY");
  const text = (offset: number, count: number): string =>
    Buffer.from(it.ok("Tread", { fid: 1, offset, count }, "Rread").data).toString();
  assert.equal(text(7, 5), "world");
  assert.equal(text(100, 5), "");
  assert.equal(text(0, 0xffff_ffff), "hello, world\n");
  assert.equal(it.ok("Twrite", { fid: 1, offset: 0, data: Buffer.from("J") }, "Rwrite").count, 1);
  assert.equal(text(0, 5), "Jello");
  const { mode, size, valid } = it.ok("Tgetattr", { fid: 1, mask: 0x7ff }, "Rgetattr");
  assert.deepEqual([mode, size, valid], [0o100644, 13, 0x7ff]);
  it.ok("Tfsync", { fid: 1 }, "Rfsync");
  it.ok("Tclunk", { fid: 1 }, "Rclunk");
  it.fails("Tclunk", { fid: 1 }, "EBADF");
  it.walk(1, "link");
  assert.equal(it.ok("Treadlink", { fid: 1 }, "Rreadlink").target, "dir");
  it.fails("Tlopen", { fid: 1, flags: 0 }, "ELOOP");
  it.fails("Tlopen", { fid: 0, flags: 1 }, "EISDIR");
  it.fails("Treadlink", { fid: 0 }, "EINVAL");
});

test("a directory is listed once whatever the buffer; an entry that does not fit is an error", () => {
  const it = wire();
  it.walk(1, "many");
  it.ok("Tlopen", { fid: 1, flags: 0 }, "Rlopen");
  const names: string[] = [];
  for (let offset = 0; ; ) {
    const entries = parseEntries(it.ok("Treaddir", { fid: 1, offset, count: 100 }, "Rreaddir").data);
    if (entries.length === 0) break;
    names.push(...entries.map(({ name }) => name));
    offset = entries.at(-1)!.next;
  }
  assert.equal(names.length, 302);
  assert.equal(new Set(names).size, 302);
  it.fails("Treaddir", { fid: 1, offset: 0, count: 10 }, "EINVAL");
  it.fails("Tread", { fid: 1, offset: 0, count: 10 }, "EISDIR");
});

test("the tree cannot be changed; what is not known is EOPNOTSUPP", () => {
  const it = wire();
  it.fails("Tlcreate", { fid: 0, filename: "x", flags: 0, mode: 0, gid: 0 }, "EPERM");
  it.fails("Tmkdir", { dfid: 0, filename: "x", mode: 0, gid: 0 }, "EPERM");
  it.fails("Tunlinkat", { dirfd: 0, filename: "hello", flags: 0 }, "EPERM");
  it.fails("Txattrwalk", { fid: 0, newfid: 9, attribute: "user.x" }, "EOPNOTSUPP");
  it.fails("Rread", { data: new Uint8Array(0) }, "EOPNOTSUPP");
  it.replies.length = 0;
  it.session.message(Uint8Array.of(7, 0, 0, 0, 200, 3, 0));
  assert.deepEqual({ ...it.replies[0] }, { name: "Rlerror", tag: 3, ecode: ERRNO.EOPNOTSUPP });
});

test("why a request on a fid has failed is read where it failed", () => {
  const it = wire();
  const reason = (fid: number): string => {
    const { size } = it.ok("Txattrwalk", { fid, newfid: 99, attribute: REASON_ATTRIBUTE }, "Rxattrwalk");
    const { data } = it.ok("Tread", { fid: 99, offset: 0, count: 4096 }, "Rread");
    it.ok("Tclunk", { fid: 99 }, "Rclunk");
    assert.equal(data.length, size);
    return Buffer.from(data).toString();
  };
  it.walk(1, "dir");
  it.walk(2, "hello");
  assert.equal(reason(1), "");
  it.fails("Tread", { fid: 1, offset: 0, count: 10 }, "EISDIR");
  it.fails("Tread", { fid: 2, offset: 0, count: 10 }, "EBADF");
  assert.deepEqual([reason(1), reason(2)], ["a directory", "fid 2 is not open"]);
  it.fails("Txattrwalk", { fid: 1, newfid: 2, attribute: REASON_ATTRIBUTE }, "EBADF");
  it.fails("Txattrwalk", { fid: 7, newfid: 99, attribute: REASON_ATTRIBUTE }, "EBADF");
});

test("a waiting read is answered later, others meanwhile; its tag is taken until then", () => {
  const { wire: it, parked } = waiting();
  assert.equal(it.send("Tread", { fid: 5, offset: 0, count: 4 }, 9), undefined);
  it.ok("Tgetattr", { fid: 0, mask: 0 }, "Rgetattr", 10);
  assert.equal(it.ok("Tgetattr", { fid: 0, mask: 0 }, "Rlerror", 9).ecode, ERRNO.EINVAL);
  it.replies.length = 0;
  parked[0]!.settle(3);
  assert.equal(it.replies[0]!.tag, 9);
  assert.equal((it.replies[0] as Message<"Rread">).data.length, 3);
  assert.equal(it.session.held.pending, 0);
});

test("flush ends what waits at once and nothing more is said about it", () => {
  const { wire: it, parked } = waiting();
  it.send("Tread", { fid: 5, offset: 0, count: 4 }, 9);
  it.ok("Tflush", { oldtag: 9 }, "Rflush", 10);
  assert.equal(it.replies.length, 1);
  assert.ok(parked[0]!.ended);
  it.ok("Tflush", { oldtag: 9 }, "Rflush", 10);
  assert.equal(it.session.held.pending, 0);
});

test("clunk ends what waits on the fid with EINTR; the end of the connection ends everything, silently", () => {
  const { wire: it, closed } = waiting();
  it.send("Tread", { fid: 5, offset: 0, count: 4 }, 9);
  it.send("Tclunk", { fid: 5 }, 10);
  assert.deepEqual(
    it.replies.map(({ name, tag }) => [name, tag]),
    [
      ["Rlerror", 9],
      ["Rclunk", 10],
    ],
  );
  assert.equal(closed(), 1);
  const other = waiting();
  other.wire.send("Tread", { fid: 5, offset: 0, count: 4 }, 9);
  other.wire.session.close();
  assert.deepEqual([other.wire.replies.length, other.closed()], [0, 1]);
  assert.deepEqual(other.wire.session.held, { fids: 0, pending: 0 });
});

test("what waits is limited, in number and in bytes", () => {
  const { wire: it, parked } = waiting();
  for (let tag = 0; tag < 1024; tag++) it.send("Tread", { fid: 5, offset: 0, count: 4 }, tag);
  it.fails("Tread", { fid: 5, offset: 0, count: 4 }, "EINVAL");
  assert.equal(it.ok("Tread", { fid: 5, offset: 0, count: 4 }, "Rlerror", 2000).ecode, ERRNO.EAGAIN);
  parked[7]!.settle(0);
  assert.equal(it.send("Tread", { fid: 5, offset: 0, count: 4 }, 2000), undefined);
  const large = waiting().wire;
  large.ok("Tversion", { msize: 1 << 20, version: "9P2000.L" }, "Rversion");
  large.begin(1 << 20);
  large.walk(5, "wait");
  large.ok("Tlopen", { fid: 5, flags: 0 }, "Rlopen");
  for (let tag = 0; tag < 16; tag++) large.send("Tread", { fid: 5, offset: 0, count: 1 << 20 }, tag);
  assert.equal(large.ok("Tread", { fid: 5, offset: 0, count: 1 << 20 }, "Rlerror", 20).ecode, ERRNO.EAGAIN);
});

test("fids are limited", () => {
  const it = wire();
  for (let fid = 1; fid < 4096; fid++) it.walk(fid);
  it.fails("Twalk", { fid: 0, newfid: 5000, names: [] }, "EMFILE");
});

test("a bug is told and answered EIO", () => {
  const fs = memoryFileSystem(TREE);
  const it = new Wire({
    ...fs,
    statfs: () => {
      throw new TypeError("oops");
    },
  }).begin();
  it.fails("Tstatfs", { fid: 0 }, "EIO");
  assert.equal(it.bugs.length, 1);
});

test("frames come whole however the stream is cut; a size beyond the limit ends it", () => {
  const frames = [
    encodeMessage("Tversion", 1, { msize: 8192, version: "9P2000.L" }),
    encodeMessage("Twrite", 2, { fid: 1, offset: 0, data: new Uint8Array(60_000).fill(7) }),
    encodeMessage("Tclunk", 3, { fid: 1 }),
  ];
  const stream = Buffer.concat(frames);
  for (const size of [1, 3, 7, 100, 65_536, stream.length]) {
    const splitter = new FrameSplitter(70_000);
    const got: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += size) got.push(...splitter.push(stream.subarray(at, at + size)));
    assert.deepEqual(
      got.map((frame) => Buffer.from(frame)),
      frames.map((frame) => Buffer.from(frame)),
    );
    assert.equal(splitter.unfinished, false);
  }
  assert.throws(() => [...new FrameSplitter(8192).push(Uint8Array.of(1, 32, 0, 0))], { code: "EPROTO" });
  assert.throws(() => [...new FrameSplitter(8192).push(Uint8Array.of(6, 0, 0, 0, 1))], { code: "EPROTO" });
});

/** A small generator with a seed: the run that fails can be had again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test("10^5 mutated messages: each answered at most once, with a known errno, and nothing grows", () => {
  const seed = Date.now() >>> 0;
  const next = random(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  const it = wire();
  const requests = Object.entries(MESSAGES).filter(([name]) => name.startsWith("T") && name !== "Tversion");
  const value = (kind: string): unknown => {
    const small = below(8);
    if (kind === "string") return ["", ".", "..", "hello", "dir", "x".repeat(below(300)), "a/b", "\0"][small];
    if (kind === "strings") return Array.from({ length: below(20) }, () => ["dir", "inner", "..", "hello"][below(4)]);
    if (kind === "data") return new Uint8Array(below(200));
    return below(4) === 0 ? below(2 ** 31) : small;
  };
  for (let i = 0; i < 100_000; i++) {
    const [name, { fields }] = requests[below(requests.length)]!;
    const body = Object.fromEntries(Object.entries(fields).map(([field, kind]) => [field, value(kind)]));
    const frame = encodeMessage(name as MessageName, below(30), body as never);
    // Half of them are right in form; in the others some bytes are not.
    for (let flips = below(2) * below(4); flips > 0; flips--) frame[4 + below(frame.length - 4)] = below(256);
    const cut = below(20) === 0 ? frame.slice(0, 7 + below(frame.length - 6)) : frame;
    new DataView(cut.buffer, cut.byteOffset).setUint32(0, cut.length, true);
    if (cut[4] === MESSAGES.Tversion.type) continue;
    it.replies.length = 0;
    it.session.message(cut);
    assert.ok(it.replies.length <= 1, `seed ${seed}`);
    const [reply] = it.replies;
    if (reply?.name === "Rlerror") assert.ok(Object.values(ERRNO).includes(reply.ecode as never), `seed ${seed}`);
    assert.deepEqual(it.bugs, [], `seed ${seed}`);
  }
  assert.ok(it.session.held.fids <= 4096);
  it.session.close();
  assert.deepEqual(it.session.held, { fids: 0, pending: 0 });
});
