/** What one user can make a daemon or a server hold, and that others do not notice. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { connectTree } from "../../src/app/connect.ts";
import { QUOTAS } from "../../src/app/daemon/quotas.ts";
import type { TreeClient } from "../../src/app/tree-client.ts";
import { ERRNO } from "../../src/core/base/errno.ts";
import { parseAddress } from "../../src/host/serve/address.ts";
import { Agent } from "../support/agent.ts";
import { daemonPlace } from "../support/daemon-place.ts";
import { NineServer } from "../support/nine-server.ts";
import { program } from "../support/programs.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Target } from "../support/target.ts";

const A = 31001;
const B = 31002;

test("another user's daemon accounts so many of a uid and no more; others are not held up", NEEDS_MOUNT, async (t) => {
  const { dir, run } = daemonPlace(t);
  chmodSync(dir, 0o711);
  const mount = join(dir, "mount");
  mkdirSync(mount);
  assert.equal(run("mount", "-o", "allow_other", mount).code, 0);
  const many = spawn(program("accounts-many"), [mount, String(QUOTAS.adopted + 20)], {
    uid: A,
    gid: A,
    cwd: "/",
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    const [said] = await once(many.stdout.setEncoding("latin1"), "data");
    assert.equal(said, `${QUOTAS.adopted} ${ERRNO.EAGAIN}\n`);
    for (const uid of [B, 0]) {
      await using target = await Target.start("sleeper", { uid });
      await using agent = await Agent.start({ uid });
      assert.equal(await agent.writes(join(mount, String(target.pid), "ctl"), "account"), "ok", `uid ${uid}`);
    }
    await using own = await Target.start("sleeper", { uid: A });
    assert.equal(run("write", `${own.pid}/ctl`, "account").code, 0, "root may, whosever it is");
  } finally {
    many.stdin.end();
    await once(many, "exit");
    assert.equal(run("stop", "--force").code, 0);
  }
});

test(
  "connections: a uid has so many, the next one is told so; it is free again when one ends",
  NEEDS_MOUNT,
  async () => {
    await using server = await NineServer.start("tcp:127.0.0.1:0");
    const address = parseAddress(server.address);
    assert.equal(address.kind, "tcp");
    const { port } = address as { port: number };
    const held = await Promise.all(Array.from({ length: QUOTAS.connections }, () => connected(port)));
    await assert.rejects(connectTree(address), /EMFILE: the server has as many connections of this user as it takes/);
    held.pop()!.destroy();
    // The server hears of the end in its own time.
    for (let client: TreeClient | undefined; !client; ) {
      client = await connectTree(address).catch((error) => {
        assert.match(String(error), /EMFILE/);
        return undefined;
      });
      await client?.close();
    }
    for (const socket of held) socket.destroy();
  },
);

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket)).on("error", reject);
  });
}
