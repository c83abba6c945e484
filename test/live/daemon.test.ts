/** The daemon as its user meets it: started on demand, one for all, what it attaches outlives the command. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { hostArch } from "../../src/host/linux/host-arch.ts";
import { daemonPlace } from "../support/daemon-place.ts";
import { CLI } from "../support/paths.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Target, until } from "../support/target.ts";

const tracer = (pid: number): string => /^TracerPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))![1]!;

test("what one command attaches the next one controls, and stop lets go", async (t) => {
  const { run, socket } = daemonPlace(t);
  await using target = await Target.start("sleeper");
  assert.deepEqual(run("daemon"), { code: 0, out: "", err: "" });
  assert.equal(statSync(socket).mode & 0o777, 0o600);
  assert.deepEqual(run("write", `${target.pid}/ctl`, "attach"), { code: 0, out: "", err: "" });
  assert.deepEqual(run("write", `${target.pid}/ctl`, "wait"), { code: 0, out: "", err: "" });
  assert.notEqual(tracer(target.pid), "0");
  assert.equal(run("write", `${target.pid}/ctl`, "step").code, 0);
  assert.match(run("ls", "-l", String(target.pid)).out, /^lrwxrwxrwx .* file -> .*sleeper$/m);
  assert.deepEqual(run("stop"), { code: 0, out: "", err: "" });
  assert.equal(tracer(target.pid), "0");
  assert.equal(existsSync(socket), false);
  const again = run("stop");
  assert.deepEqual([again.code, again.err], [1, "lyonnais: stop: ESRCH: no daemon of this user runs\n"]);
});

test("a daemon that was asked for stays; a second one finds it; a dead one's socket is replaced", async (t) => {
  const { run, socket, killDaemon } = daemonPlace(t);
  assert.equal(run("daemon").code, 0);
  assert.match(run("daemon", "-f").err, /^lyonnais: daemon: EADDRINUSE: .*\n$/);
  assert.deepEqual(run("daemon"), { code: 0, out: "", err: "" });
  await killDaemon();
  assert.equal(existsSync(socket), true);
  assert.match(run("cat", "curproc/status").out, /^lyonnais /);
  assert.equal(run("daemon").code, 0);
  assert.match(run("cat", "curproc/status").out, /^lyonnais /);
});

test("mount starts it, two mounts share it, and it goes when it is of no use", NEEDS_MOUNT, async (t) => {
  const { dir, run, socket } = daemonPlace(t);
  const [one, two] = [join(dir, "one"), join(dir, "two")];
  mkdirSync(one);
  mkdirSync(two);
  try {
    assert.deepEqual(run("mount", one), { code: 0, out: "", err: "" });
    assert.deepEqual(run("mount", "-o", "ro", two), { code: 0, out: "", err: "" });
    await using target = await Target.start("sleeper");
    const sh = (text: string) => spawnSync("sh", ["-c", text], { encoding: "utf8" });
    assert.equal(sh(`echo attach > ${one}/${target.pid}/ctl && echo wait > ${one}/${target.pid}/ctl`).status, 0);
    assert.match(sh(`echo run > ${two}/${target.pid}/ctl`).stderr, /Read-only file system/);
    assert.equal(sh(`wc -c < ${two}/${target.pid}/regs`).stdout.trim(), String(hostArch().registerSize));
    assert.equal(sh(`echo detach > ${one}/${target.pid}/ctl`).status, 0);
    for (const again of [one, join(one, String(target.pid))]) {
      assert.match(run("mount", again).err, /^lyonnais: mount \S+: EBUSY: \S+ is mounted already/);
    }
  } finally {
    assert.equal(run("umount", one).code, 0);
    assert.equal(run("umount", two).code, 0);
  }
  await until(() => !existsSync(socket), "the end of the daemon");
});

test("the session that attached ends: its target runs on, the daemon too", async (t) => {
  const { dir, run } = daemonPlace(t);
  await using target = await Target.start("sleeper");
  assert.equal(run("daemon").code, 0);
  const env = { ...process.env, LYONNAIS_RUNTIME_DIR: join(dir, "run") };
  const script = `"$0" "$1" write "$2/ctl" attach && "$0" "$1" write "$2/ctl" wait && echo held && read line`;
  const session: ChildProcess = spawn("setsid", ["sh", "-c", script, process.execPath, CLI, String(target.pid)], {
    env,
  });
  await once(session.stdout!, "data");
  assert.notEqual(tracer(target.pid), "0");
  assert.match(run("write", `${target.pid}/ctl`, "run").err, /EBUSY/);
  session.stdin!.end("\n");
  await until(() => tracer(target.pid) === "0", "the target let go");
  assert.match(run("cat", "curproc/status").out, /^lyonnais /);
});

test("a daemon whose socket was replaced by another's ends by itself, and leaves that one alone", async (t) => {
  const { dir, run, socket } = daemonPlace(t);
  assert.equal(run("daemon").code, 0);
  renameSync(socket, join(dir, "first"));
  assert.equal(run("daemon").code, 0);
  await until(() => !accepts(join(dir, "first")), "the end of the first");
  assert.match(run("cat", "curproc/status").out, /^lyonnais /);
  assert.equal(existsSync(socket), true);
});

/** Whether somebody listens there. */
function accepts(path: string): boolean {
  const script = `require("node:net").connect(${JSON.stringify(path)}).on("connect", () => process.exit(0))`;
  return spawnSync(process.execPath, ["-e", script], { stdio: "ignore" }).status === 0;
}

test("words that are none, and a client that is cut off, do it no harm", async (t) => {
  const { run, socket } = daemonPlace(t);
  assert.equal(run("daemon").code, 0);
  for (const bytes of [Buffer.alloc(0), Buffer.from("GET / HTTP/1.1\r\n\r\n"), Buffer.alloc(4096, 0xff)]) {
    const client = connect(socket);
    await once(client, "connect");
    client.on("error", () => {});
    client.end(bytes);
    await once(client.resume(), "close");
  }
  const refused = run("write", "curproc/ctl", "frobnicate");
  assert.deepEqual([refused.code, refused.err.split(":")[2]], [1, " EOPNOTSUPP"]);
  assert.match(run("cat", "curproc/status").out, /^lyonnais /);
});

test("a daemon that cannot be is one line, for mount as well", NEEDS_MOUNT, (t) => {
  const { dir, run } = daemonPlace(t);
  mkdirSync(join(dir, "run"), { mode: 0o777 });
  spawnSync("chmod", ["777", join(dir, "run")]);
  for (const args of [["daemon"], ["mount", dir]]) {
    const { code, out, err } = run(...args);
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, /^lyonnais: (daemon|mount \S+): EPERM: \S+, where your daemon belongs, is open to others; .*\n$/);
  }
});
