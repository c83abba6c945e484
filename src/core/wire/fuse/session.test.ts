import assert from "node:assert/strict";
import { test } from "node:test";
import { IN_HEADER_SIZE, OUT_HEADER_SIZE } from "../../abi/fuse.ts";
import { errnoName } from "../../base/errno.ts";
import { memoryFileSystem } from "../../vfs/memory.ts";
import type { FileNode } from "../../vfs/node.ts";
import { Parked } from "../../vfs/parked.ts";
import { FUSE_OPS } from "./ops.ts";
import { FuseSession } from "./session.ts";

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

function client(tree: Parameters<typeof memoryFileSystem>[0]) {
  const answers: Answer[] = [];
  const bugs: unknown[] = [];
  const fs = memoryFileSystem(tree);
  const session = new FuseSession({
    fs,
    rootIno: 1,
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
  const send = (opcode: number, nodeId: number, body: Buffer = Buffer.alloc(0)): number => {
    const message = Buffer.alloc(IN_HEADER_SIZE + body.length);
    unique += 2;
    message.writeUInt32LE(message.length, 0);
    message.writeUInt32LE(opcode, 4);
    message.writeBigUInt64LE(BigInt(unique), 8);
    message.writeBigUInt64LE(BigInt(nodeId), 16);
    body.copy(message, IN_HEADER_SIZE);
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
  return { session, answers, bugs, send, ask, lookup, open, transfer, u64, name };
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

test("what is forgotten or released is no longer held", () => {
  const c = client({ file: "x" });
  const file = c.lookup(1, "file");
  c.lookup(1, "file");
  const fh = c.open(file);
  assert.deepEqual(c.session.held, { nodes: 2, files: 1, parked: 0 });
  c.ask(RELEASE, file, c.u64(fh, 0, 0));
  c.send(FORGET, file, c.u64(1));
  assert.equal(c.session.held.nodes, 2);
  c.send(FORGET, file, c.u64(1));
  assert.deepEqual(c.session.held, { nodes: 1, files: 0, parked: 0 });
  assert.equal(c.ask(GETATTR, file, Buffer.alloc(16)).error, "ESTALE");
  assert.notEqual(c.lookup(1, "file"), file, "numbers are not used again");
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

test("the tree cannot be changed; what is not known is ENOSYS", () => {
  const c = client({ file: "x" });
  for (const { opcode, name } of FUSE_OPS) {
    if (!/MK|LINK$|RMDIR|RENAME|CREATE|TMPFILE/.test(name) || name === "READLINK") continue;
    assert.equal(c.ask(opcode, 1, Buffer.alloc(64)).error, "EPERM", name);
  }
  for (const opcode of [34, 40, 44, 46, 47, 48, 52, 4096])
    assert.equal(c.ask(opcode, 1, Buffer.alloc(64)).error, "ENOSYS");
});

test("a bug is told and answered EIO once", () => {
  const broken: FileNode = { ...parkingFile(() => new Parked()), open: () => assert.fail("on purpose") };
  const c = client({ broken });
  const node = c.lookup(1, "broken");
  assert.equal(c.ask(OPEN, node, Buffer.alloc(8)).error, "EIO");
  assert.equal(c.bugs.length, 1);
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
