/** A descriptor that changes hands: what it can do is the lesser of what its opener and its writer may. */
import assert from "node:assert/strict";
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Agent, O_RDWR, O_WRONLY } from "../support/agent.ts";
import { daemonPlace } from "../support/daemon-place.ts";
import { program, symbol } from "../support/programs.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { socketPair } from "../support/socket-pair.ts";
import { Target, until } from "../support/target.ts";

const A = 31001;
const CAPLESS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"];

/** One who opens and one, root, who is handed what was opened and uses it. */
class Pair implements AsyncDisposable {
  readonly opener: Agent;
  readonly root: Agent;

  private constructor(opener: Agent, root: Agent) {
    this.opener = opener;
    this.root = root;
  }

  static async start(opener: { uid?: number; via?: readonly string[] }): Promise<Pair> {
    const [left, right] = socketPair();
    return new Pair(await Agent.start({ ...opener, socket: left }), await Agent.start({ socket: right }));
  }

  async hand(path: string, flags: number = O_WRONLY): Promise<void> {
    assert.equal(await this.opener.open(11, path, flags), "ok", path);
    assert.equal(await this.opener.does("send 11"), "ok");
    assert.equal(await this.root.does("adopt 12"), "ok");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opener[Symbol.asyncDispose]();
    await this.root[Symbol.asyncDispose]();
  }
}

function setUidSleeper(t: TestContext): string {
  const scratch = mkdtempSync(join(tmpdir(), "lyonnais-setuid-"));
  t.after(() => rmSync(scratch, { recursive: true }));
  chmodSync(scratch, 0o755);
  const copy = join(scratch, "sleeper");
  copyFileSync(program("sleeper"), copy);
  chownSync(copy, 0, 0);
  chmodSync(copy, 0o4755);
  return copy;
}

test(
  "control that root takes through a user's descriptor is a user's: a set-id exec ends it",
  NEEDS_MOUNT,
  async (t) => {
    await using server = await Server.start("allow_other");
    await using target = await Target.start("execs-on-usr1", { uid: A, args: [setUidSleeper(t)] });
    await using pair = await Pair.start({ uid: A });
    await pair.hand(server.path(target.pid, "ctl"));
    for (const word of ["attach", "wait", "usr1"]) assert.equal(await pair.root.write(12, word), "ok", word);
    await until(() => target.field("Uid").startsWith("31001\t0\t"), "the set-id program");
    await until(() => target.field("TracerPid") === "0", "the end of control");
    await target.prints("ready\nready\n");
  },
);

test("what root without capabilities opened gets none from a root that has them", NEEDS_MOUNT, async () => {
  await using server = await Server.start();
  await using target = await Target.start("sleeper");
  await using pair = await Pair.start({ via: CAPLESS });
  const at = (node: string): string => server.path(target.pid, node);
  for (const word of ["attach", "detach", "hup"]) {
    await pair.hand(at("ctl"));
    assert.equal(await pair.root.write(12, word), "EPERM", word);
  }
  await pair.hand(at("regs"), O_RDWR);
  assert.equal(await pair.root.read(12, 0, 216), "EPERM");
  assert.equal(await pair.opener.open(11, at("mem"), O_RDWR), "EPERM");
  assert.equal(target.field("TracerPid"), "0");
  // Signals go by uids, as kill(2) has it.
  await pair.hand(at("note"));
  assert.equal(await pair.root.write(12, "usr1"), "ok");
  await target.prints("usr1\n");
  assert.equal(target.output, "ready\nusr1\n");
});

test("what root opened while it had its capabilities keeps them from nobody else", NEEDS_MOUNT, async () => {
  await using server = await Server.start();
  await using target = await Target.start("sleeper");
  const [left, right] = socketPair();
  await using full = await Agent.start({ socket: left });
  await using bare = await Agent.start({ socket: right, via: CAPLESS });
  assert.equal(await full.open(11, server.path(target.pid, "mem"), O_RDWR), "ok");
  await full.does("send 11");
  await bare.does("adopt 12");
  assert.equal(await bare.read(12, symbol(target.binary, "main"), 4), "EPERM");
  assert.equal(((await full.read(11, symbol(target.binary, "main"), 4)) as Buffer).length, 4);
});

test(
  "limits and the policy: a set-id program raises nothing for who gave it the descriptor",
  NEEDS_MOUNT,
  async (t) => {
    const { dir, run } = daemonPlace(t);
    chmodSync(dir, 0o711);
    const mount = join(dir, "mount");
    mkdirSync(mount);
    assert.deepEqual(run("mount", "-o", "allow_other", mount), { code: 0, out: "", err: "" });
    const target = await Target.start("sleeper", { uid: A });
    try {
      await using user = await Pair.start({ uid: A });
      const at = (node: string): string => join(mount, String(target.pid), node);
      assert.equal(await user.opener.writes(at("ctl"), "account"), "ok");
      assert.equal(await user.root.writes(at("rlimit"), "swap 16777216 16777216"), "ok");
      await user.hand(at("rlimit"), O_RDWR);
      assert.equal(await user.root.write(12, "swap infinity infinity"), "EPERM");
      assert.equal(await user.root.write(12, "swap 8388608 16777216"), "ok", "what the user may do himself");
      assert.equal(await user.root.writes(at("rlimit"), "swap infinity infinity"), "ok", "root by itself");

      await using capless = await Pair.start({ via: CAPLESS });
      assert.equal(await capless.opener.writes(at("rlimit"), "swap 0 0"), "EACCES");
      await capless.hand(join(mount, "swap"), O_RDWR);
      assert.equal(await capless.root.write(12, "overcommit 0"), "EPERM");
      assert.equal(await capless.opener.write(11, "overcommit 0"), "EPERM");
      assert.equal(await capless.root.writes(join(mount, "swap"), "overcommit 2"), "ok");
    } finally {
      await target[Symbol.asyncDispose]();
      assert.equal(run("stop", "--force").code, 0);
    }
  },
);
