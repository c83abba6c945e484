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
import { encodeMessage } from "../../core/wire/ninep/codec.ts";
import { serveNinepConnection } from "./ninep-connection.ts";

const TIMEOUTS = { handshake: 150, stall: 150 };

interface Served {
  readonly client: Socket;
  readonly connection: Connection;
  /** Milliseconds from now until the server closes the connection. */
  closed(): Promise<number>;
}

async function served(t: TestContext): Promise<Served> {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-test-"));
  let connection: Connection | undefined;
  const fs = memoryFileSystem({ big: "x".repeat(1 << 20) });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    serveNinepConnection(socket, {
      timeouts: TIMEOUTS,
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
