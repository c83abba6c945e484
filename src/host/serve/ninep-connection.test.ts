/** Clients that are slow, half there, or gone: nothing of theirs stays. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { NOFID } from "../../core/abi/ninep.ts";
import type { Tid } from "../../core/base/brand.ts";
import type { Connection } from "../../core/vfs/caller.ts";
import { memoryFileSystem } from "../../core/vfs/memory.ts";
import { Turns } from "../../core/vfs/turns.ts";
import { encodeMessage } from "../../core/wire/ninep/codec.ts";
import { serveNinepConnection } from "./ninep-connection.ts";

const TIMEOUTS = { handshake: 150, stall: 150 };

interface Served {
  readonly client: Socket;
  readonly connection: Connection;
  /** Milliseconds from now until the server closes the connection. */
  closed(): Promise<number>;
}

async function served(t: TestContext, turns?: Turns): Promise<Served> {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-test-"));
  let connection: Connection | undefined;
  const fs = memoryFileSystem({ big: "x".repeat(1 << 20) });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    serveNinepConnection(socket, {
      timeouts: TIMEOUTS,
      ...(turns && { turns }),
      identify: (own) => {
        connection = own;
        return { tid: 0 as Tid, uid: 0, gid: 0, connection: own };
      },
      attach: () => fs,
      onBug: (error) => {
        throw error;
      },
    });
  });
  server.listen(join(dir, "socket"));
  await once(server, "listening");
  const client = connect(join(dir, "socket"));
  client.on("error", () => {});
  await Promise.all([once(client, "connect"), once(server, "connection")]);
  t.after(() => {
    client.destroy();
    server.close();
    rmSync(dir, { recursive: true });
  });
  const closed = (): Promise<number> => {
    const begun = performance.now();
    return new Promise((resolve) => {
      connection!.onEnd(() => resolve(performance.now() - begun));
    });
  };
  return { client, connection: connection!, closed };
}

async function attach(client: Socket, msize = 1 << 20): Promise<void> {
  client.write(encodeMessage("Tversion", 0xffff, { msize, version: "9P2000.L" }));
  await once(client, "data");
  client.write(encodeMessage("Tattach", 1, { fid: 0, afid: NOFID, uname: "", aname: "", nUname: NOFID }));
  await once(client, "data");
}

test("a client that never says a version is dropped", async (t) => {
  const { closed } = await served(t);
  assert.ok((await closed()) >= 100);
});

test("a client that stops in the middle of a message is dropped; one that is merely idle is not", async (t) => {
  const { client, closed } = await served(t);
  await attach(client);
  const idle = await Promise.race([closed(), new Promise((resolve) => setTimeout(resolve, 400, "still there"))]);
  assert.equal(idle, "still there");
  client.write(encodeMessage("Tclunk", 2, { fid: 0 }).subarray(0, 9));
  assert.ok((await closed()) >= 100);
});

test("a client that takes no replies is served no more, costs no memory, and is dropped", async (t) => {
  const { client, closed } = await served(t);
  await attach(client);
  client.write(encodeMessage("Twalk", 2, { fid: 0, newfid: 1, names: ["big"] }));
  await once(client, "data");
  client.write(encodeMessage("Tlopen", 2, { fid: 1, flags: 0 }));
  await once(client, "data");
  client.pause();
  const before = process.memoryUsage().arrayBuffers;
  // One write, one chunk at the server: two gigabytes of replies, were they all made.
  const reads = Array.from({ length: 2000 }, (_, tag) =>
    encodeMessage("Tread", tag, { fid: 1, offset: 0, count: 1 << 20 }),
  );
  client.write(Buffer.concat(reads));
  await closed();
  assert.ok(process.memoryUsage().arrayBuffers - before < 64 << 20);
});

test("a client that shuts down its side, or is gone, is let go at once", async (t) => {
  for (const leave of ["end", "destroy"] as const) {
    const { client, closed } = await served(t);
    await attach(client);
    client.resume();
    client[leave]();
    assert.ok((await closed()) < 100);
  }
});

test("who takes interest back is not told of the end", async (t) => {
  const { client, connection, closed } = await served(t);
  const back = connection.onEnd(() => assert.fail("told"));
  back();
  client.destroy();
  await closed();
});

test("a client whose messages take long waits for its turn after each; none is lost, and it is not dropped for it", async (t) => {
  let now = 0;
  const soon: (() => void)[] = [];
  // Every message takes a second, and others are always asking.
  const turns = new Turns({ now: () => (now += 1000), soon: (act) => soon.push(act) });
  const { client, connection } = await served(t, turns);
  let isOver = false;
  connection.onEnd(() => {
    isOver = true;
  });
  const replies: number[] = [];
  client.on("data", (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += chunk.readUInt32LE(at)) replies.push(chunk.readUInt16LE(at + 5));
  });
  client.write(
    Buffer.concat([
      encodeMessage("Tversion", 0xffff, { msize: 8192, version: "9P2000.L" }),
      encodeMessage("Tattach", 1, { fid: 0, afid: NOFID, uname: "", aname: "", nUname: NOFID }),
      ...[2, 3, 4].map((tag) => encodeMessage("Tgetattr", tag, { fid: 0, mask: 0 })),
    ]),
  );
  for (const [i, tag] of [0xffff, 1, 2, 3, 4].entries()) {
    while (replies.length <= i) await once(client, "data");
    assert.equal(replies.at(-1), tag);
    assert.equal(replies.length, i + 1, "one a turn");
    // Longer than a client that owes something would be given.
    await new Promise((resolve) => setTimeout(resolve, 2 * TIMEOUTS.stall));
    assert.equal(isOver, false);
    soon.shift()!();
  }
});
