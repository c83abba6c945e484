/** The main thread is shared by those who want it, whatever the requests of one of them cost. Counted in requests, not by a clock. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { after, before, test } from "node:test";
import { Agent, O_RDONLY } from "../support/agent.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target } from "../support/target.ts";

const A = 61001;
const B = 61002;
const READERS = 16;
const LOOKS = 15;

let server: Server;
before(async () => {
  if (NEEDS_MOUNT.skip) return;
  server = await Server.start("allow_other");
  chmodSync(server.dir, 0o755);
});
after(() => server?.[Symbol.asyncDispose]());

/** How often the readers have been through, now. */
async function count({ child }: Target): Promise<number> {
  child.stdin!.write("\n");
  const [line] = (await once(child.stdout!, "data")) as [string];
  return Number(line);
}

/** How often 16 readers of `path`, which is what `uid` does, are through while B looks at `looked` once: in most cases. */
async function perLook(uid: number, path: string, looked: string): Promise<number> {
  await using readers = await Target.start("reads-often", { uid, args: [String(READERS), path] });
  await using looker = await Agent.start({ uid: B });
  const counts: number[] = [];
  for (let i = 0, last = await count(readers); i < LOOKS; i++) {
    assert.equal(await looker.open(12, looked, O_RDONLY), "ok");
    assert.match(String(await looker.read(12, 0, 200)), /^\S+ \d+ /);
    const now = await count(readers);
    await looker.does("close 12");
    counts.push(now - last);
    last = now;
  }
  return counts.sort((a, b) => a - b)[LOOKS >> 1]!;
}

for (const uid of [A, 0]) {
  test(
    `16 who list the threads of a process of 2,000 leave another user his turns: uid ${uid}`,
    NEEDS_MOUNT,
    async () => {
      await using own = await Target.start("sleeper", { uid: B });
      await using many = await Target.start("idle-threads", { uid, args: ["2000"] });
      const readings = await perLook(uid, server.path(many.pid, "lwp"), server.path(own.pid, "status"));
      // In order of arrival, each of the looker's requests would wait for most of the sixteen: some 20 a look.
      assert.ok(readings < READERS / 2, `${readings} a look`);
    },
  );
}
