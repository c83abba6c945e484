import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NinepTreeClient } from "../../src/app/ninep-client.ts";
import type { TreeClient } from "../../src/app/tree-client.ts";
import type { Tid } from "../../src/core/base/brand.ts";
import { memoryFileSystem } from "../../src/core/vfs/memory.ts";
import { serveNinepConnection } from "../../src/host/serve/ninep-connection.ts";
import { FIXTURE, runFsSuite } from "./fs-suite.ts";

/** A client of a server of its own, over a unix socket. */
async function openConnected(): Promise<TreeClient> {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-test-"));
  const fs = memoryFileSystem(FIXTURE);
  const server = createServer((socket) =>
    serveNinepConnection(socket, {
      identify: () => ({ tid: 0 as Tid, uid: 0, gid: 0 }),
      attach: () => fs,
      onBug: (error) => {
        throw error;
      },
    }),
  );
  server.listen(join(dir, "socket"));
  await once(server, "listening");
  const client = await NinepTreeClient.open(connect(join(dir, "socket")));
  const close = client.close.bind(client);
  client.close = async () => {
    await close();
    server.close();
    rmSync(dir, { recursive: true });
  };
  return client;
}

runFsSuite({ name: "9P", open: openConnected });
