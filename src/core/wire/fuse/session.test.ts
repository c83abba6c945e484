import assert from "node:assert/strict";
import { test } from "node:test";
import { IN_HEADER_SIZE, OUT_HEADER_SIZE } from "../../abi/fuse.ts";
import { errnoName } from "../../base/errno.ts";
import { memoryFileSystem } from "../../vfs/memory.ts";
import type { FileNode, Handle, PollState } from "../../vfs/node.ts";
import { mapOutcome, Parked } from "../../vfs/parked.ts";
import { readSlice } from "../../vfs/slice.ts";
import { FUSE_OPS } from "./ops.ts";
import { FuseSession } from "./session.ts";
import { passingMemory, type SessionMemory } from "./session-memory.ts";

/** In `unique`, of a request that is sent again. */
const RESENT = 1n << 63n;

const LOOKUP = 1;
const FORGET = 2;
const GETATTR = 3;
const READLINK = 5;
const OPEN = 14;
const READ = 15;
const WRITE = 16;
const RELEASE = 18;
const INIT = 26;
const OPENDIR = 27;
const READDIR = 28;
const INTERRUPT = 36;

interface Answer {
  readonly unique: number;
  readonly error: string;
  readonly body: Buffer;
}

/** A node whose read waits until the test says so. */
function parkingFile(parked: () => Parked<number>, closed: () => void = () => {}): FileNode {
  const stat = { ino: 900, mode: 0o600, nlink: 1, uid: 0, gid: 0, size: 0, timeMs: 0 };
  return { kind: "file", stat: () => stat, open: () => ({ read: () => parked(), close: closed }) };
}

function client(tree: Parameters<typeof memoryFileSystem>[0], memory?: SessionMemory) {
  const answers: Answer[] = [];
  const bugs: unknown[] = [];
  const fs = memoryFileSystem(tree);
  const session = new FuseSession({
    fs,
    ...(memory && { memory }),
    reply: (bytes) => {
      const copy = Buffer.from(bytes);
      assert.equal(copy.readUInt32LE(0), copy.length);
      const error = copy.readInt32LE(4);
      answers.push({
        unique: Number(copy.readBigUInt64LE(8)),
        error: error === 0 ? "" : errnoName(-error),
        body: copy.subarray(OUT_HEADER_SIZE),
      });
    },
    onBug: (error) => bugs.push(error),
  });
  let unique = 0;
  /** The bytes of a request; `again`, the number of one that is sent a second time. */
  const encode = (opcode: number, nodeId: number, body: Buffer, again?: number): Buffer => {
    const message = Buffer.alloc(IN_HEADER_SIZE + body.length);
    if (again === undefined) unique += 2;
    message.writeUInt32LE(message.length, 0);
    message.writeUInt32LE(opcode, 4);
    message.writeBigUInt64LE(again === undefined ? BigInt(unique) : BigInt(again) | RESENT, 8);
    message.writeBigUInt64LE(BigInt(nodeId), 16);
    body.copy(message, IN_HEADER_SIZE);
    return message;
  };
  const send = (opcode: number, nodeId: number, body: Buffer = Buffer.alloc(0), again?: number): number => {
    const message = encode(opcode, nodeId, body, again);
    session.request(message, message.length);
    return unique;
  };
  const ask = (opcode: number, nodeId: number, body?: Buffer): Answer => {
    const sent = send(opcode, nodeId, body);
    const answer = answers.pop();
    assert.equal(answer?.unique, sent);
    return answer!;
  };
  const name = (text: string): Buffer => Buffer.from(`${text}\0`);
  const lookup = (parent: number, text: string): number =>
    Number(ask(LOOKUP, parent, name(text)).body.readBigUInt64LE(0));
  const open = (node: number, flags = 2): number => {
    const body = Buffer.alloc(8);
    body.writeUInt32LE(flags, 0);
    return Number(ask(OPEN, node, body).body.readBigUInt64LE(0));
  };
  const transfer = (fh: number, offset: number, size: number, flags = 2): Buffer => {
    const body = Buffer.alloc(40);
    body.writeBigUInt64LE(BigInt(fh), 0);
    body.writeBigUInt64LE(BigInt(offset), 8);
    body.writeUInt32LE(size, 16);
    body.writeUInt32LE(flags, 20);
    return body;
  };
  const u64 = (...values: number[]): Buffer => {
    const body = Buffer.alloc(8 * values.length);
    for (const [i, value] of values.entries()) body.writeBigUInt64LE(BigInt(value), 8 * i);
    return body;
  };
  return { session, answers, bugs, encode, send, ask, lookup, open, transfer, u64, name };
}

test("INIT agrees on a version and refuses an old kernel", () => {
  const c = client({});
  const init = Buffer.alloc(64);
  init.writeUInt32LE(7, 0);
  init.writeUInt32LE(45, 4);
  init.writeUInt32LE(0xffffffff, 12);
  const { error, body } = c.ask(INIT, 0, init);
  assert.equal(error, "");
  assert.deepEqual([body.length, body.readUInt32LE(0), body.readUInt32LE(4), body.readUInt16LE(28)], [64, 7, 38, 256]);
  init.writeUInt32LE(30, 4);
  assert.equal(c.ask(INIT, 0, init).error, "EPROTO");
});

test("lookup, attributes, open, read and write", () => {
  const c = client({ dir: { file: "hello" }, link: { link: "dir/file" } });
  const dir = c.lookup(1, "dir");
  const file = c.lookup(dir, "file");
  assert.notEqual(dir, file);
  assert.equal(c.lookup(dir, "file"), file, "the same node has the same number");
  const attr = c.ask(GETATTR, file, Buffer.alloc(16)).body;
  assert.deepEqual([attr.length, attr.readBigUInt64LE(24), attr.readUInt32LE(76)], [104, 5n, 0o100644]);
  const fh = c.open(file);
  assert.equal(c.ask(READ, file, c.transfer(fh, 1, 3)).body.toString(), "ell");
  assert.equal(c.ask(READ, file, c.transfer(fh, 5, 3)).body.length, 0);
  const wrote = c.ask(WRITE, file, Buffer.concat([c.transfer(fh, 0, 2), Buffer.from("J!")]));
  assert.equal(wrote.body.readUInt32LE(0), 2);
  assert.equal(c.ask(READ, file, c.transfer(fh, 0, 100)).body.toString(), "J!llo");
  assert.equal(c.ask(READLINK, c.lookup(1, "link")).body.toString(), "dir/file");
  assert.equal(c.ask(LOOKUP, 1, c.name("nothing")).error, "ENOENT");
  assert.equal(c.ask(LOOKUP, file, c.name("x")).error, "ENOTDIR");
  assert.equal(c.ask(READ, file, c.transfer(999, 0, 1)).error, "EBADF");
  assert.equal(c.ask(READ, file, c.transfer(fh, 0, 1, 0)).error, "EINVAL", "a page-cache read");
  assert.deepEqual(c.bugs, []);
});

test("a directory is listed once whatever the buffer", () => {
  const names = Array.from({ length: 100 }, (_, i) => `entry-${"x".repeat(i % 17)}${i}`);
  const c = client(Object.fromEntries(names.map((name) => [name, "x"])));
  for (const size of [64, 100, 512, 65536]) {
    const fh = Number(c.ask(OPENDIR, 1, Buffer.alloc(8)).body.readBigUInt64LE(0));
    const seen: string[] = [];
    for (let offset = 0; ; ) {
      const { body } = c.ask(READDIR, 1, c.transfer(fh, offset, size));
      if (body.length === 0) break;
      assert.ok(body.length <= size);
      for (let at = 0; at < body.length; ) {
        const length = body.readUInt32LE(at + 16);
        seen.push(body.toString("latin1", at + 24, at + 24 + length));
        offset = Number(body.readBigUInt64LE(at + 8));
        at += (24 + length + 7) & ~7;
      }
    }
    assert.deepEqual(seen, [".", "..", ...names], `buffer of ${size}`);
  }
});

test("what is released is no longer held; what is forgotten is the same when it is found again", () => {
  const c = client({ file: "x" });
  const file = c.lookup(1, "file");
  c.lookup(1, "file");
  const fh = c.open(file);
  assert.deepEqual(c.session.held, { files: 1, parked: 0 });
  c.ask(RELEASE, file, c.u64(fh, 0, 0));
  assert.deepEqual(c.session.held, { files: 0, parked: 0 });
  assert.equal(c.ask(READ, file, c.transfer(fh, 0, 1)).error, "EBADF");
  assert.notEqual(c.open(file), fh, "a handle's number is not used again");
  c.send(FORGET, file, c.u64(2));
  assert.equal(c.lookup(1, "file"), file, "a number says which node it is");
  assert.equal(c.ask(GETATTR, 4711, Buffer.alloc(16)).error, "ESTALE");
});

test("a parked read is answered later, in its own bytes; others go on", () => {
  let parked = new Parked<number>();
  const c = client({ slow: parkingFile(() => parked), quick: "quick" });
  const slow = c.open(c.lookup(1, "slow"));
  const quickNode = c.lookup(1, "quick");
  const quick = c.open(quickNode);
  const unique = c.send(READ, 2, c.transfer(slow, 0, 8));
  assert.equal(c.answers.length, 0);
  assert.equal(c.ask(READ, quickNode, c.transfer(quick, 0, 5)).body.toString(), "quick");
  parked.settle(3);
  assert.deepEqual([c.answers[0]!.unique, c.answers[0]!.body.length], [unique, 3]);
  parked = new Parked();
  assert.equal(c.session.held.parked, 0);
});

test("an interrupt ends the request it names with EINTR, and nothing else", () => {
  let cancelled = 0;
  const c = client({ slow: parkingFile(() => new Parked<number>(() => cancelled++)) });
  const fh = c.open(c.lookup(1, "slow"));
  const first = c.send(READ, 2, c.transfer(fh, 0, 8));
  c.send(READ, 2, c.transfer(fh, 0, 8));
  c.send(INTERRUPT, 0, c.u64(first));
  c.send(INTERRUPT, 0, c.u64(4711));
  assert.deepEqual([c.answers.map((a) => [a.unique, a.error]), cancelled], [[[first, "EINTR"]], 1]);
  c.session.close();
  assert.deepEqual([c.answers.length, cancelled], [2, 2]);
});

test("closing the session closes every handle once", () => {
  let closed = 0;
  const c = client({
    file: parkingFile(
      () => new Parked(),
      () => closed++,
    ),
  });
  const node = c.lookup(1, "file");
  const [first] = [c.open(node), c.open(node)];
  c.ask(RELEASE, node, c.u64(first!, 0, 0));
  c.session.close();
  assert.equal(closed, 2);
});

test("a session that takes another's place: open files, listings and numbers go on", () => {
  const memory = passingMemory();
  const opens: unknown[] = [];
  const memo = Buffer.from("as it was");
  const node: FileNode = {
    ...parkingFile(() => new Parked()),
    open: (caller, mode) => {
      opens.push([caller.fullRoot, mode]);
      return {
        memo,
        opener: { ...caller, fullRoot: false },
        read: (_caller, offset, into) => readSlice(mode.resumed?.memo ?? memo, offset, into),
      };
    },
  };
  const tree = { dir: { a: "a", b: "b", c: "c" }, node };
  const first = client(tree, memory);
  const dir = first.lookup(1, "dir");
  const file = first.lookup(1, "node");
  const fh = first.open(file, 2);
  const released = first.open(file, 0);
  first.ask(RELEASE, file, first.u64(released, 0, 0));
  const listing = Number(first.ask(OPENDIR, dir, Buffer.alloc(8)).body.readBigUInt64LE(0));
  const part = first.ask(READDIR, dir, first.transfer(listing, 0, 100)).body;
  const seen = names(part);
  assert.ok(seen.length > 0 && seen.length < 5);
  opens.length = 0;

  const next = client(tree, memory);
  next.session.resume(true);
  assert.equal(next.lookup(1, "node"), file);
  assert.equal(next.ask(READ, file, next.transfer(fh, 0, 20)).body.toString(), "as it was");
  assert.deepEqual(opens, [
    [false, { read: true, write: true, exclusive: false, resumed: { memo: new Uint8Array(memo) } }],
  ]);
  next.ask(READ, file, next.transfer(fh, 0, 20));
  assert.equal(opens.length, 1, "opened again once");
  assert.equal(next.ask(READ, file, next.transfer(released, 0, 20)).error, "EBADF");
  const rest = next.ask(READDIR, dir, next.transfer(listing, seen.length, 4096)).body;
  assert.deepEqual([...seen, ...names(rest)], [".", "..", "a", "b", "c"]);
  next.ask(RELEASE, file, next.u64(fh, 0, 0));
  assert.equal(next.ask(READ, file, next.transfer(fh, 0, 20)).error, "EBADF");
});

/** Of a READDIR reply. */
function names(body: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < body.length; ) {
    const length = body.readUInt32LE(at + 16);
    found.push(body.toString("latin1", at + 24, at + 24 + length));
    at += (24 + length + 7) & ~7;
  }
  return found;
}

test("a request that is sent again is answered as such; a write that may have been made is not made twice", () => {
  const memory = passingMemory();
  let writes = 0;
  let dies = true;
  const file = (repeats: boolean): FileNode => ({
    ...parkingFile(() => new Parked()),
    open: () => ({
      repeats: () => repeats,
      write: (_caller, _offset, data) => {
        writes++;
        if (dies) throw new Error("killed here");
        return data.length;
      },
    }),
  });
  const tree = { once: file(false), often: file(true) };
  const first = client(tree, memory);
  const body = (fh: number): Buffer => Buffer.concat([first.transfer(fh, 0, 2), Buffer.from("hi")]);
  const [once, often] = [first.lookup(1, "once"), first.lookup(1, "often")];
  const [onceFh, oftenFh] = [first.open(once), first.open(often)];
  const opening = first.send(OPEN, once, Buffer.alloc(8));
  const lost = Number(first.answers.pop()!.body.readBigUInt64LE(0));
  const begun = first.send(WRITE, once, body(onceFh));
  const begunOften = first.send(WRITE, often, body(oftenFh));
  const notBegun = begunOften + 2;
  assert.equal(writes, 2);

  dies = false;
  const next = client(tree, memory);
  next.session.resume(true);
  const again = (opcode: number, node: number, content: Buffer, unique: number): Answer => {
    next.send(opcode, node, content, unique);
    const answer = next.answers.pop()!;
    assert.equal(answer.unique, Number(BigInt(unique) | RESENT), "the answer says that it was sent again");
    return answer;
  };
  assert.equal(again(WRITE, once, body(onceFh), begun).error, "EIO");
  assert.equal(writes, 2);
  assert.equal(again(WRITE, once, body(onceFh), notBegun).error, "");
  assert.equal(again(WRITE, often, body(oftenFh), begunOften).error, "");
  assert.equal(writes, 4);
  const reopened = Number(again(OPEN, once, Buffer.alloc(8), opening).body.readBigUInt64LE(0));
  assert.notEqual(reopened, lost);
  assert.equal(next.ask(WRITE, once, body(lost)).error, "EBADF", "what nobody was told of is not open");
});

test("where the kernel does not send again: who waits gets EIO, the last request is served, a write is not", () => {
  const memory = passingMemory();
  const tree = { slow: parkingFile(() => new Parked()), quick: "quick" };
  const first = client(tree, memory);
  const slow = first.open(first.lookup(1, "slow"));
  const quick = first.lookup(1, "quick");
  const fh = first.open(quick);
  const waits = first.send(READ, 2, first.transfer(slow, 0, 8));
  const last = first.encode(READ, quick, first.transfer(fh, 0, 5));
  const next = client(tree, memory);
  next.session.resume(false, last);
  assert.deepEqual(
    next.answers.map(({ unique, error, body }) => [unique, error, body.toString()]),
    [
      [waits, "EIO", ""],
      [waits + 2, "", "quick"],
    ],
  );
  const third = client(tree, memory);
  third.session.resume(false, first.encode(WRITE, quick, Buffer.concat([first.transfer(fh, 0, 1), Buffer.from("x")])));
  assert.deepEqual(
    third.answers.map(({ error }) => error),
    ["EIO"],
  );
});

test("what a file showed and is lost can be read again from its beginning only", () => {
  const memory = passingMemory();
  const text = (content: Buffer): FileNode => ({
    ...parkingFile(() => new Parked()),
    open: () => ({ memo: content, read: (_caller, offset, into) => readSlice(content, offset, into) }),
  });
  const first = client({ long: text(Buffer.alloc(100_000, "1")) }, memory);
  const node = first.lookup(1, "long");
  const fh = first.open(node);
  const next = client({ long: text(Buffer.alloc(50_000, "2")) }, memory);
  next.session.resume(true);
  assert.equal(next.ask(READ, node, next.transfer(fh, 4096, 10)).error, "ESTALE");
  assert.deepEqual(
    [next.ask(READ, node, next.transfer(fh, 100_000, 10))].map(({ error, body }) => [error, body.length]),
    [["", 0]],
  );
  assert.equal(next.ask(READ, node, next.transfer(fh, 0, 3)).body.toString(), "222");
  assert.equal(next.ask(READ, node, next.transfer(fh, 4096, 3)).body.toString(), "222");
});

const POLL = 40;
const POLLIN = 0x41;
const POLLOUT = 0x104;
const POLLPRI = 2;
const POLLHUP = 0x10;

/** A node of which poll(2) says what `state` is, and whoever waits is in `waking`. */
function polledFile(state: PollState, waking: (() => void)[]): FileNode {
  const poll = (_caller: unknown, wake: (() => void) | undefined): PollState => {
    if (wake) waking.push(wake);
    return state;
  };
  return { ...parkingFile(() => new Parked()), open: () => ({ poll }) };
}

const pollOf = (fh: number, kh: number, wants: boolean): Buffer => {
  const body = Buffer.alloc(24);
  body.writeBigUInt64LE(BigInt(fh), 0);
  body.writeBigUInt64LE(BigInt(kh), 8);
  body.writeUInt32LE(wants ? 1 : 0, 16);
  return body;
};

test("poll tells what a file says, and the kernel is told once when that may have changed", () => {
  const state: { -readonly [K in keyof PollState]: PollState[K] } = {};
  const waking: (() => void)[] = [];
  const c = client({ plain: "x", polled: polledFile(state, waking) });
  const plain = c.lookup(1, "plain");
  assert.equal(c.ask(POLL, plain, pollOf(c.open(plain), 5, true)).body.readUInt32LE(0), POLLIN | POLLOUT);
  const node = c.lookup(1, "polled");
  const fh = c.open(node);
  assert.equal(c.ask(POLL, node, pollOf(fh, 6, false)).body.readUInt32LE(0), 0);
  assert.equal(waking.length, 0);
  assert.equal(c.ask(POLL, node, pollOf(fh, 6, true)).body.readUInt32LE(0), 0);
  waking[0]!();
  const notice = c.answers.pop()!;
  assert.deepEqual([notice.unique, notice.body.readBigUInt64LE(0)], [0, 6n]);
  Object.assign(state, { readable: true, writable: true, urgent: true, hungUp: true });
  assert.equal(c.ask(POLL, node, pollOf(fh, 6, true)).body.readUInt32LE(0), POLLIN | POLLOUT | POLLPRI | POLLHUP);
  assert.equal(c.ask(POLL, node, pollOf(fh + 1, 6, true)).error, "EBADF");
});

test("who waits in poll(2) when a server dies asks the next one again", () => {
  const memory = passingMemory();
  const waking: (() => void)[] = [];
  const tree = { first: polledFile({}, waking), second: polledFile({}, waking), third: polledFile({}, waking) };
  const before = client(tree, memory);
  for (const [i, name] of ["first", "second", "third"].entries()) {
    const node = before.lookup(1, name);
    before.ask(POLL, node, pollOf(before.open(node), 7 + i, i !== 2));
  }
  waking[1]!();
  const after = client(tree, memory);
  after.session.resume(true);
  assert.deepEqual(
    after.answers.map(({ unique, body }) => [unique, body.readBigUInt64LE(0)]),
    [[0, 7n]],
  );
});

test("the tree cannot be changed; what is not known is ENOSYS", () => {
  const c = client({ file: "x" });
  for (const { opcode, name } of FUSE_OPS) {
    if (!/MK|LINK$|RMDIR|RENAME|CREATE|TMPFILE/.test(name) || name === "READLINK") continue;
    assert.equal(c.ask(opcode, 1, Buffer.alloc(64)).error, "EPERM", name);
  }
  for (const opcode of [34, 44, 46, 47, 48, 52, 4096]) assert.equal(c.ask(opcode, 1, Buffer.alloc(64)).error, "ENOSYS");
});

test("a bug is told and answered EIO once", () => {
  const broken: FileNode = { ...parkingFile(() => new Parked()), open: () => assert.fail("on purpose") };
  const c = client({ broken });
  const node = c.lookup(1, "broken");
  assert.equal(c.ask(OPEN, node, Buffer.alloc(8)).error, "EIO");
  assert.equal(c.bugs.length, 1);
});

test("a bug in what comes later is told, and its request is answered EIO", () => {
  const opened = new Parked<number>();
  const late: FileNode = {
    ...parkingFile(() => new Parked()),
    open: () => mapOutcome(opened, () => assert.fail("late")),
  };
  const c = client({ late });
  const node = c.lookup(1, "late");
  const unique = c.send(OPEN, node, Buffer.alloc(8));
  opened.settle(1);
  assert.deepEqual([c.answers.at(-1)!.unique, c.answers.at(-1)!.error, c.bugs.length], [unique, "EIO", 1]);
  assert.match(String((c.bugs[0] as Error).message), /late/);
});

test("whether a read waits is said by the read, as the open file is then", () => {
  const asked: unknown[] = [];
  const read = (...[, , , nonBlocking]: Parameters<NonNullable<Handle["read"]>>): number => asked.push(nonBlocking);
  const c = client({ node: { ...parkingFile(() => new Parked()), open: () => ({ read }) } });
  const node = c.lookup(1, "node");
  const fh = c.open(node);
  for (const flags of [0, 0o4000, 0]) {
    const body = c.transfer(fh, 0, 8);
    body.writeUInt32LE(flags, 32);
    c.ask(READ, node, body);
  }
  assert.deepEqual(asked, [false, true, false]);
});

test("10^5 random and mutated requests: each is answered at most once, with a known errno, and nothing grows", () => {
  let parkedNow = new Parked<number>();
  const c = client({
    dir: { file: "hello" },
    link: { link: "x" },
    slow: parkingFile(() => (parkedNow = new Parked())),
  });
  const seeds: Buffer[] = [];
  for (const { opcode } of FUSE_OPS) {
    const body = Buffer.concat([c.transfer(1, 0, 16), Buffer.from("file\0"), Buffer.alloc(50)]);
    const message = Buffer.alloc(IN_HEADER_SIZE + body.length);
    message.writeUInt32LE(opcode, 4);
    message.writeUInt8(1, 16);
    body.copy(message, IN_HEADER_SIZE);
    seeds.push(message);
  }
  // A small generator of its own: the same inputs at every run.
  let state = 12345;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let refused = 0;
  for (let i = 0; i < 100_000; i++) {
    const seed = seeds[random(seeds.length)]!;
    const message = Buffer.from(seed.subarray(0, random(8) === 0 ? random(seed.length + 1) : seed.length));
    if (message.length >= 16) {
      message.writeUInt32LE(random(50) === 0 ? random(1000) : message.length, 0);
      message.writeUInt32LE(i + 1, 8);
    }
    for (let n = random(4); n > 0 && message.length > 16; n--) {
      message[16 + random(message.length - 16)] = random(3) === 0 ? random(256) : random(8);
    }
    c.answers.length = 0;
    try {
      c.session.request(message, message.length);
    } catch (error) {
      assert.equal((error as { code?: string }).code, "EINVAL");
      refused++;
    }
    const own = c.answers.filter((answer) => answer.unique === i + 1);
    assert.ok(own.length <= 1, "answered twice");
    for (const { error, body } of c.answers) assert.ok(error === "" || body.length === 0);
    if (i % 100 === 0) parkedNow.settle(0);
    if (c.session.held.parked > 50 || c.session.held.files > 500) {
      c.session.close();
    }
  }
  assert.ok(refused > 0);
  assert.deepEqual(c.bugs, []);
  c.session.close();
  assert.deepEqual([c.session.held.files, c.session.held.parked], [0, 0]);
});
