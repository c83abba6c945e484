/** What another user has put in the place of this user's daemon. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connectTree } from "../../src/app/connect.ts";
import { daemonPlace } from "../support/daemon-place.ts";
import { CLI } from "../support/paths.ts";

const OPTIONS = { skip: process.geteuid!() === 0 ? false : "needs root", timeout: 60_000 };
const A = 31001;
const B = 31002;

/** Says what it is sent, and nothing else; as whoever runs it. */
const LISTENER = `
require("node:net").createServer((s) => s.on("data", (d) => console.log("heard " + d.length)).on("error", () => {}))
  .listen(process.argv[1], () => { require("node:fs").chmodSync(process.argv[1], 0o777); console.log("listens"); });`;

class Stranger implements AsyncDisposable {
  readonly child: ChildProcess;
  said = "";

  private constructor(child: ChildProcess) {
    this.child = child;
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.said += text;
    });
  }

  static async listen(path: string, uid: number): Promise<Stranger> {
    const child = spawn(process.execPath, ["-e", LISTENER, path], {
      uid,
      gid: uid,
      cwd: "/",
      stdio: ["ignore", "pipe", "inherit"],
    });
    const stranger = new Stranger(child);
    await once(child.stdout!, "data");
    return stranger;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await once(this.child, "exit");
  }
}

/** A /tmp of the test's own, in which everybody may make things. */
function commonPlace(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-test-"));
  t.after(() => rmSync(dir, { recursive: true }));
  chmodSync(dir, 0o1777);
  return dir;
}

/** A command of B's, who has no runtime directory but in TMPDIR. */
function asB(dir: string, ...args: string[]) {
  const { XDG_RUNTIME_DIR: _, LYONNAIS_RUNTIME_DIR: __, ...rest } = process.env;
  const ran = spawnSync(process.execPath, [CLI, ...args], {
    env: { ...rest, TMPDIR: dir, HOME: dir, XDG_STATE_HOME: join(dir, "state") },
    uid: B,
    gid: B,
    cwd: "/",
    encoding: "utf8",
    timeout: 30_000,
  });
  return { code: ran.status, out: ran.stdout, err: ran.stderr };
}

const COMMANDS: readonly (readonly string[])[] = [
  ["cat", "curproc/status"],
  ["write", "curproc/note", "secret"],
  ["run", "-w", "64m", "--", "echo", "ran"],
  ["md", "list"],
  ["daemon"],
  ["stop"],
];

test(
  "a directory that a stranger made, with a server in it: nothing is said to it, nothing runs",
  OPTIONS,
  async (t) => {
    const dir = commonPlace(t);
    const planted = join(dir, `lyonnais-${B}`);
    mkdirSync(planted);
    chownSync(planted, A, A);
    chmodSync(planted, 0o777);
    await using stranger = await Stranger.listen(join(planted, "daemon"), A);
    for (const command of COMMANDS) {
      const { code, out, err } = asB(dir, ...command);
      assert.match(err, /^lyonnais: .*: EPERM: \S+, where your daemon belongs, is the directory of uid 31001; .*\n$/);
      assert.deepEqual([out, code === 0], ["", false], command.join(" "));
    }
    assert.equal(stranger.said, "listens\n");
  },
);

test("a directory of one's own that others may enter, a link to one: the same", OPTIONS, (t) => {
  const dir = commonPlace(t);
  const planted = join(dir, `lyonnais-${B}`);
  mkdirSync(planted);
  chownSync(planted, B, B);
  chmodSync(planted, 0o777);
  assert.match(
    asB(dir, "daemon").err,
    /^lyonnais: daemon: EPERM: \S+, where your daemon belongs, is open to others; chmod 700 \S+\n$/,
  );
  rmSync(planted, { recursive: true });
  const elsewhere = join(dir, "elsewhere");
  mkdirSync(elsewhere, { mode: 0o700 });
  chownSync(elsewhere, B, B);
  symlinkSync(elsewhere, planted);
  for (const command of [["daemon"], ["run", "--", "true"]]) {
    assert.match(
      asB(dir, ...command).err,
      /^lyonnais: .*: EPERM: \S+, where your daemon belongs, is not a directory; .*\n$/,
    );
  }
  rmSync(planted);
  assert.deepEqual(asB(dir, "daemon"), { code: 0, out: "", err: "" });
  t.after(() => asB(dir, "stop"));
  const made = lstatSync(planted);
  assert.deepEqual([made.isDirectory(), made.uid, made.mode & 0o777], [true, B, 0o700]);
  assert.equal(asB(dir, "stop").code, 0);
});

test("a stranger's server in a directory of one's own is not spoken to", OPTIONS, async (t) => {
  const dir = commonPlace(t);
  const own = join(dir, `lyonnais-${B}`);
  mkdirSync(own);
  chmodSync(own, 0o777);
  await using stranger = await Stranger.listen(join(own, "daemon"), A);
  chownSync(own, B, B);
  chmodSync(own, 0o700);
  for (const command of COMMANDS.filter(([name]) => name !== "daemon")) {
    const { code, out, err } = asB(dir, ...command);
    assert.match(err, /^lyonnais: .*: EPERM: what listens on \S+ belongs to uid 31001 and is not your daemon; .*\n$/);
    assert.deepEqual([out, code === 0], ["", false], command.join(" "));
  }
  assert.equal(stranger.said, "listens\n");
});

test("root without capabilities gives the daemon no orders", OPTIONS, async (t) => {
  const { dir, run, socket } = daemonPlace(t);
  assert.equal(run("daemon").code, 0);
  const mount = join(dir, "mount");
  mkdirSync(mount);
  const bare = (...args: string[]) => {
    const capless = ["--bounding-set=-all", "--inh-caps=-all", "--", process.execPath, CLI, ...args];
    const env = { ...process.env, LYONNAIS_RUNTIME_DIR: join(dir, "run"), XDG_STATE_HOME: dir };
    return spawnSync("setpriv", capless, { env, encoding: "utf8", timeout: 30_000 });
  };
  assert.match(bare("mount", mount).stderr, /^lyonnais: mount \S+: EPERM: mount needs every right of the daemon.*\n$/);
  assert.match(bare("stop").stderr, /^lyonnais: stop: EPERM: stop needs every right of the daemon.*\n$/);
  assert.match(bare("md", "create", "-s", "1m").stderr, /^lyonnais: md create: EPERM: md needs every right.*\n$/);
  assert.equal(bare("cat", "curproc/status").status, 0);
  const tree = await connectTree({ kind: "unix", path: socket }, undefined, "daemon");
  assert.equal(Buffer.from(await tree.read("mounts", 0, 100)).toString(), "");
  await tree.close();
});

test("a log or a history that is a link, or in somebody else's home, is not opened", OPTIONS, async (t) => {
  const home = commonPlace(t);
  const victim = join(home, "victim");
  writeFileSync(victim, "untouched\n", { mode: 0o600 });
  const state = join(home, "state", "lyonnais");
  mkdirSync(state, { recursive: true });
  chmodSync(join(home, "state"), 0o700);
  symlinkSync(victim, join(state, "server.log"));
  const { openLog } = await import("../../src/app/private-file.ts");
  const { closeSync, readFileSync, writeSync, fstatSync } = await import("node:fs");
  const logged = (file: string): boolean => {
    const fd = openLog(file);
    writeSync(fd, "said\n");
    const isFile = fstatSync(fd).isFile();
    closeSync(fd);
    return isFile;
  };
  assert.equal(logged(join(state, "server.log")), false, "a link");
  assert.equal(readFileSync(victim, "utf8"), "untouched\n");
  assert.equal(logged(join(state, "own.log")), true);
  chownSync(join(home, "state"), A, A);
  assert.equal(logged(join(state, "own.log")), false, "in a directory of somebody else's");
  chownSync(join(home, "state"), 0, 0);
  chownSync(join(state, "own.log"), A, A);
  assert.equal(logged(join(state, "own.log")), false, "a file of somebody else's");
});
