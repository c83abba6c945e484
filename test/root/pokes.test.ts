/** What comes to an attacker's mind, at random and many at once: the daemon is the same afterwards, owes nobody anything, and others were served. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Agent, O_RDONLY } from "../support/agent.ts";
import { daemonPlace } from "../support/daemon-place.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Target, until } from "../support/target.ts";

const A = 61001;
const B = 61002;
const SEED = Number(process.env["LYONNAIS_SEED"] ?? 1);
const MS = Number(process.env["LYONNAIS_POKES_MS"] ?? 4000);

test("random calls on everything, of processes that change: nobody else notices", {
  ...NEEDS_MOUNT,
  timeout: 120_000 + MS * 2,
}, async (t) => {
  t.diagnostic(`LYONNAIS_SEED=${SEED}`);
  const { dir, run, daemonPid } = daemonPlace(t);
  chmodSync(dir, 0o711);
  const mount = join(dir, "mount");
  mkdirSync(mount);
  assert.equal(run("mount", "-o", "allow_other", mount).code, 0);
  const daemon = await daemonPid();
  // Not those of processes that were looked at, of files with symbols, and of threads: these are kept for a while, and bounded.
  const descriptors = (): number =>
    readdirSync(`/proc/${daemon}/fd`).filter((fd) =>
      /^(\/dev\/fuse|\/memfd:|socket:|anon_inode:(?!\[event))/.test(linkOf(`/proc/${daemon}/fd/${fd}`)),
    ).length;
  await using own = await Target.start("sleeper", { uid: B });
  await using victim = await Agent.start({ uid: B });
  const look = async (): Promise<void> => {
    assert.equal(await victim.open(12, join(mount, String(own.pid), "status"), O_RDONLY), "ok");
    assert.match(String(await victim.read(12, 0, 200)), /^sleeper \d+ /);
    await victim.does("close 12");
  };
  await look();
  // So that the thread that keeps the accounts is there from the beginning.
  assert.equal(await victim.writes(join(mount, String(own.pid), "ctl"), "account"), "ok");
  const before = descriptors();
  await using pokes = await Target.start("pokes-tree", { uid: A, args: [mount, String(SEED), String(MS), "12"] });
  let looks = 0;
  const ended = pokes.exit().then((how) => ({ how }));
  for (let over: unknown; !over; looks++) {
    await look();
    over = await Promise.race([ended, new Promise((resolve) => setImmediate(resolve, undefined))]);
  }
  assert.deepEqual((await ended).how, { code: 0, signal: null });
  t.diagnostic(`${pokes.output.trim().replace(/\n/g, " ")}, ${looks} looks`);
  const log = join(dir, "lyonnais", "server.log");
  const said = existsSync(log) ? readFileSync(log, "latin1") : "";
  assert.equal(await daemonPid(), daemon, `another daemon: ${said}`);
  assert.doesNotMatch(said, /internal error/);
  assert.equal(readFileSync(join(mount, "accounts-check"), "latin1"), "");
  await until(() => descriptors() <= before, `${before} descriptors again, not ${descriptors()}`);
});

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
