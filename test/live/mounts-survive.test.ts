/** A mount whose daemon is killed: whoever uses it goes on. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Agent, O_WRONLY } from "../support/agent.ts";
import { type DaemonPlace, daemonPlace, isAlive } from "../support/daemon-place.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Target, until, untilItAsks } from "../support/target.ts";

/** Linux 6.9: what a server has received is sent again to the next. */
const RESENDS = (([major, minor]) => major! > 6 || (major === 6 && minor! >= 9))(release().split(".").map(Number));

interface Place extends DaemonPlace {
  readonly mount: string;
}

/** A mount of a daemon of its own. */
function mountedPlace(t: TestContext, options = ""): Place {
  const place = daemonPlace(t);
  const mount = join(place.dir, "mount");
  mkdirSync(mount);
  assert.deepEqual(place.run("mount", "-o", options, mount), { code: 0, out: "", err: "" });
  return { ...place, mount };
}

/** A shell that stands in `dir` and answers each line with what it prints, up to a line of its own. */
class Shell {
  readonly #child: ChildProcess;
  #text = "";

  constructor(t: TestContext, dir: string) {
    this.#child = spawn("sh", [], { cwd: dir, stdio: ["pipe", "pipe", "inherit"], detached: true });
    this.#child.stdout!.setEncoding("latin1").on("data", (text: string) => {
      this.#text += text;
    });
    t.after(() => this.#child.kill("SIGKILL"));
  }

  async says(line: string): Promise<string> {
    this.#text = "";
    this.#child.stdin!.write(`${line} 2>&1; echo "[$?]"\n`);
    while (!/\[\d+\]\n$/.test(this.#text)) await once(this.#child.stdout!, "data");
    return this.#text;
  }
}

test("the shell that stands in it, open files and listings go on", NEEDS_MOUNT, async (t) => {
  await using target = await Target.start("memory-words");
  const { mount, killDaemon } = mountedPlace(t);
  const shell = new Shell(t, join(mount, String(target.pid)));
  const before = await shell.says("cat status; readlink file; ls");
  assert.match(before, /^memory-words \d+/);
  const status = openSync(join(mount, String(target.pid), "status"), "r");
  const memory = openSync(join(mount, String(target.pid), "mem"), "r+");
  const fresh = openSync(join(mount, String(process.pid), "status"), "r");
  t.after(() => [status, memory, fresh].forEach(closeSync));
  const text = Buffer.alloc(4096);
  const length = readSync(status, text, 0, 20, null);
  const code = Number(`0x${/^([0-9a-f]+)-.* r-xp /m.exec(readFileSync(`/proc/${target.pid}/maps`, "latin1"))![1]}`);
  const bytes = Buffer.alloc(16);
  readSync(memory, bytes, 0, 16, code);

  for (let i = 0; i < 2; i++) {
    await killDaemon();
    assert.equal(await shell.says("cat status; readlink file; ls"), before);
    assert.match(await shell.says(`ls ${mount}/curproc/`), /^auxv\n(\w+\n)?cmdline\nctl\n/);
    const again = Buffer.alloc(16);
    assert.equal(readSync(memory, again, 0, 16, code), 16);
    assert.deepEqual(again, bytes);
  }
  const rest = readSync(status, text, length, 4000, null);
  assert.equal(text.toString("latin1", 0, length + rest), before.split("\n")[0]!.concat("\n"));
  assert.equal(readSync(status, text, 0, 4000, null), 0);
  assert.match(text.toString("latin1", 0, readSync(fresh, text, 0, 4000, null)), /^node \d+ /);
  assert.ok(readdirSync(mount).includes(String(target.pid)));
});

test(
  "a wait that was under way when the daemon died ends with the stop; the word after it is taken",
  NEEDS_MOUNT,
  async (t) => {
    await using target = await Target.start("sleeper");
    await using agent = await Agent.start();
    const { mount, killDaemon } = mountedPlace(t);
    const ctl = join(mount, String(target.pid), "ctl");
    for (const word of ["attach", "run"]) assert.equal(await agent.writes(ctl, word), "ok");
    assert.equal(await agent.open(11, ctl, O_WRONLY), "ok");
    const answer = agent.write(11, "wait");
    await untilItAsks(agent.pid);
    await killDaemon();
    await until(() => target.field("TracerPid") === "0", "a target that is let go");
    if (!RESENDS) {
      assert.equal(await answer, "EIO");
      return;
    }
    // The mount answers: so what had waited waits again.
    assert.match(readFileSync(join(mount, String(target.pid), "status"), "latin1"), /^sleeper /);
    process.kill(target.pid, "SIGSTOP");
    assert.equal(await answer, "ok");
    process.kill(target.pid, "SIGCONT");
    // Its file position is where the word before has left it.
    assert.equal(await agent.write(11, "attach"), "ok");
    assert.notEqual(target.field("TracerPid"), "0");
  },
);

test("the memory of a program that has executed another since is stale", NEEDS_MOUNT, async (t) => {
  await using target = await Target.start("execs-on-usr1", { args: ["/bin/sleep", "60"] });
  const { mount, killDaemon } = mountedPlace(t);
  const memory = openSync(join(mount, String(target.pid), "mem"), "r");
  const status = openSync(join(mount, String(target.pid), "status"), "r");
  t.after(() => [memory, status].forEach(closeSync));
  const was = target.field("Name");
  process.kill(target.pid, "SIGUSR1");
  await until(() => target.field("Name") !== was, "another program");
  await killDaemon();
  assert.throws(() => readSync(memory, Buffer.alloc(16), 0, 16, 0x1000), { errno: -116 });
  const text = Buffer.alloc(4096);
  assert.match(text.toString("latin1", 0, readSync(status, text)), new RegExp(`^${was} `));
});

test("umount of a mount in use, then stop: ends, by the word and by SIGTERM", NEEDS_MOUNT, async (t) => {
  for (const end of ["stop", "SIGTERM"]) {
    const { mount, run, daemonPid } = mountedPlace(t);
    const file = openSync(join(mount, "curproc", "status"), "r");
    const shell = new Shell(t, mount);
    assert.match(await shell.says("pwd"), /mount/);
    assert.deepEqual(run("umount", mount), { code: 0, out: "", err: "" });
    // The place is free, though the mount lives on for its users.
    assert.deepEqual(run("mount", mount), { code: 0, out: "", err: "" });
    const pid = await daemonPid();
    if (end === "stop") assert.deepEqual(run("stop"), { code: 0, out: "", err: "" });
    else process.kill(pid, "SIGTERM");
    await until(() => !isAlive(pid), `the end of the daemon after ${end}`);
    assert.throws(() => readSync(file, Buffer.alloc(10)), { code: "ENOTCONN" });
    closeSync(file);
  }
});
