/** Requests that wait for their turn: in order, interrupted, and known to whoever comes after a server that is killed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { IN_HEADER_SIZE } from "../../abi/fuse.ts";
import { Errno, errnoName } from "../../base/errno.ts";
import { memoryFileSystem } from "../../vfs/memory.ts";
import { Parked } from "../../vfs/parked.ts";
import { Turns } from "../../vfs/turns.ts";
import { FuseSession } from "./session.ts";
import { passingMemory } from "./session-memory.ts";

const LOOKUP = 1;
const OPEN = 14;
const WRITE = 16;
const INTERRUPT = 36;
const ROOT = 1;

/** A server on which everything that uid 1 asks for takes a second; `most` requests may wait for their turn. */
function server(most = Number.POSITIVE_INFINITY) {
  const answers: string[] = [];
  const soon: (() => void)[] = [];
  let now = 0;
  let unique = 0;
  const memory = passingMemory();
  const turns = new Turns({ now: () => now, soon: (act) => soon.push(act) });
  let node = ROOT;
  const fs = memoryFileSystem({
    slow: {
      kind: "file",
      stat: ({ uid }) => {
        now += uid === 1 ? 1000 : 0;
        return { ino: 9, mode: 0o644, nlink: 1, uid: 0, gid: 0, size: 0, timeMs: 0 };
      },
      open: () => new Parked(),
    },
  });
  let room = most;
  const queued = (): (() => void) => {
    if (room === 0) throw new Errno("EAGAIN", "too many");
    room--;
    return () => {
      room++;
    };
  };
  const claims = { directory: () => () => {}, waiting: () => () => {}, queued };
  const session = new FuseSession({
    ...{ fs: { ...fs, claims }, memory, turns },
    reply: (bytes) => {
      const { buffer, byteOffset } = bytes;
      const view = new DataView(buffer, byteOffset);
      const errno = -view.getInt32(4, true);
      if (errno === 0) node = view.getUint32(16, true);
      answers.push(`${view.getUint32(8, true)}${errno === 0 ? "" : ` ${errnoName(errno)}`}`);
    },
    onBug: (error) => {
      throw error;
    },
  });
  const bytes = Buffer.alloc(4096);
  /** As a server does it: every request is read into the same memory. */
  const send = (uid: number, opcode = LOOKUP, body: Buffer = Buffer.from("slow\0")): number => {
    unique += 2;
    const length = IN_HEADER_SIZE + body.length;
    bytes.fill(0xff);
    for (const [at, value] of [length, opcode, unique, 0, opcode === LOOKUP ? ROOT : node, 0, uid, 0, 0, 0].entries())
      bytes.writeUInt32LE(value, 4 * at);
    body.copy(bytes, IN_HEADER_SIZE);
    session.request(bytes, length);
    return unique;
  };
  const interrupt = (other: number): void => {
    const body = Buffer.alloc(8);
    body.writeUInt32LE(other, 0);
    send(1, INTERRUPT, body);
  };
  return { session, memory, answers, turn: () => soon.shift()?.(), send, interrupt };
}

test("requests wait for their turn as they were sent, and are answered once each", () => {
  const { answers, send, turn, session } = server();
  for (let i = 0; i < 3; i++) send(1);
  assert.deepEqual(answers, ["2"]);
  send(2);
  assert.deepEqual(answers, ["2", "8"]);
  assert.equal(session.held.parked, 2);
  turn();
  turn();
  assert.deepEqual(answers, ["2", "8", "4", "6"]);
  assert.equal(session.held.parked, 0);
});

test("a signal to who waits for his turn is not told before, and then only where there is something to wait for", () => {
  const { answers, send, turn, interrupt, session } = server();
  send(1);
  interrupt(send(1));
  interrupt(send(1, OPEN, Buffer.alloc(8)));
  assert.deepEqual(answers, ["2"]);
  turn();
  turn();
  assert.deepEqual(answers, ["2", "4", "8 EINTR"]);
  assert.equal(session.held.parked, 0);
});

test("what is too much of one uid's to wait is EAGAIN at once, and nobody else's", () => {
  const { answers, send, turn, session } = server(2);
  for (let i = 0; i < 4; i++) send(1);
  assert.deepEqual(answers, ["2", "8 EAGAIN"]);
  send(2);
  assert.deepEqual(answers, ["2", "8 EAGAIN", "10"]);
  turn();
  turn();
  assert.deepEqual(answers.slice(3), ["4", "6"]);
  assert.equal(session.held.parked, 0);
  send(1);
  send(1);
  session.close();
  turn();
  send(1);
  assert.ok(!answers.some((answer, i) => i > 1 && answer.includes("EAGAIN")));
});

test("at the end of the mount nobody's turn comes any more", () => {
  const { answers, send, turn, session } = server();
  send(1);
  send(1);
  session.close();
  turn();
  assert.deepEqual(answers, ["2"]);
});

test("a later server finds those that waited, where the kernel does not send them again", () => {
  const { answers, send, memory } = server();
  send(1);
  send(1);
  send(1, WRITE, Buffer.alloc(64));
  assert.deepEqual(answers, ["2"]);
  const told: bigint[] = [];
  const later = new FuseSession({
    fs: memoryFileSystem({}),
    memory,
    reply: (bytes) => told.push(Buffer.from(bytes).readBigUInt64LE(8)),
    onBug: (error) => {
      throw error;
    },
  });
  later.resume(false);
  assert.deepEqual(told, [4n, 6n]);
});
