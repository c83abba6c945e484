import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CLI } from "../support/paths.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target } from "../support/target.ts";

const run = (args: readonly string[], input = "") =>
  spawnSync(process.execPath, [CLI, ...args], { encoding: "utf8", input, timeout: 30_000 });

test("ls, cat and write work in this very process", async () => {
  await using target = await Target.start("sleeper");
  const listed = run(["ls", String(target.pid)]);
  assert.equal(listed.stdout, "file\nmem\nregs\nctl\nstatus\nnote\nnotepg\n");
  const long = run(["ls", "-li", `/${target.pid}`]).stdout.split("\n");
  assert.match(long[0]!, /^total \d+$/);
  assert.match(
    long[1]!,
    new RegExp(
      `^ *${8 * (target.pid + 1) + 2} lrwxrwxrwx 1 \\w+ +\\w+ +0 \\w{3} [ \\d]\\d \\d\\d:\\d\\d file -> ${target.binary}$`,
    ),
  );
  assert.match(run(["cat", `${target.pid}/status`]).stdout, new RegExp(`^sleeper ${target.pid} `));
  assert.equal(run(["write", `${target.pid}/note`, "usr1"]).status, 0);
  await target.prints("usr1\n");
  assert.equal(run(["write", `${target.pid}/note`, "-"], "usr2\n").status, 0);
  await target.prints("usr2\n");
});

test("a path below a mount goes through the mount", NEEDS_MOUNT, async () => {
  await using server = await Server.start();
  assert.match(run(["cat", `${server.dir}/curproc/status`]).stdout, /^node \d+ /);
  assert.equal(run(["ls", `${server.dir}/curproc`]).stdout, "ctl\nfile\nmem\nnote\nnotepg\nregs\nstatus\n");
  const refused = run(["cat", `${server.dir}/2/mem`]);
  assert.deepEqual([refused.status, refused.stderr.startsWith("lyonnais: EPERM: ")], [1, true]);
});

test("errors are one line, usage errors exit 2 with a suggestion", () => {
  const missing = run(["cat", "99999999/status"]);
  assert.deepEqual([missing.status, missing.stderr], [1, "lyonnais: ENOENT: no process 99999999\n"]);
  for (const args of [["mnt"], ["cat"], ["ls", "--nonsense"], ["mount"]])
    assert.equal(run(args).status, 2, args.join(" "));
  assert.match(run(["mnt"]).stderr, /Did you mean mount\?/);
  assert.equal(run(["--help"]).status, 0);
  assert.match(run(["mount", "--help"]).stdout, /holes=zero/);
});

test("a reader that leaves early is no error", () => {
  const { status, stderr } = spawnSync("sh", ["-c", `${process.execPath} ${CLI} ls -l / | head -1; exit 0`], {
    encoding: "utf8",
  });
  assert.deepEqual([status, stderr], [0, ""]);
});

test("the shell debugs a process from a script", async () => {
  await using target = await Target.start("counter");
  const script = `# a comment
cd ${target.pid}
pwd
echo attach > ctl
echo wait > ctl
xxd regs 128 8
echo step > ctl
echo wait > ctl
xxd regs 0x80 8
echo detach > ctl
echo "two words"
exit
never reached`;
  const { stdout, stderr, status } = run(["shell"], script);
  const [cwd, before, after, echoed, ...rest] = stdout.split("\n");
  assert.deepEqual([cwd, echoed, rest, stderr, status], [`/${target.pid}`, "two words", [""], "", 0]);
  assert.match(before!, /^00000080: /);
  assert.notEqual(before, after);
  assert.equal(target.field("TracerPid"), "0");
});

test("a script goes on after an error and tells its line", () => {
  const { stdout, stderr, status } = run(["shell"], "cat nothing\nfrobnicate\necho 'open\npwd\n");
  assert.equal(stdout, "/\n");
  assert.match(
    stderr,
    /^lyonnais: line 1: ENOENT: .*\nlyonnais: line 2: EINVAL: no command frobnicate.*\nlyonnais: line 3: EINVAL: .*\n$/,
  );
  assert.equal(status, 1);
});

test("at a terminal: prompt, completion, history, Ctrl-C ends a wait", { timeout: 60_000 }, async () => {
  await using target = await Target.start("sleeper");
  const state = mkdtempSync(join(tmpdir(), "lyonnais-state-"));
  const script = `import os, pty, sys, time, select
pid, fd = pty.fork()
if pid == 0:
    os.execv("${process.execPath}", ["node", "${CLI}", "shell"])
seen = b""
def until(text):
    global seen
    end = time.time() + 20
    while text not in seen:
        if time.time() > end: print("missing", text, seen); sys.exit(1)
        if select.select([fd], [], [], 0.1)[0]: seen += os.read(fd, 4096)
    seen = b""
until(b"proc:/> ")
os.write(fd, b"cd ${target.pid}\\t"); until(b"${target.pid}/"); os.write(fd, b"\\r"); until(b"proc:/${target.pid}> ")
os.write(fd, b"cat sta\\t"); until(b"tus"); os.write(fd, b"\\r"); until(b"sleeper ${target.pid}")
os.write(fd, b"echo wait > ctl\\r"); time.sleep(0.3); os.write(fd, b"\\x03"); until(b"EINTR")
os.write(fd, b"pwd\\r"); until(b"/${target.pid}\\r\\n")
os.write(fd, b"\\x04")
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`;
  const { stdout, stderr } = spawnSync("python3", ["-c", script], {
    encoding: "utf8",
    env: { ...process.env, XDG_STATE_HOME: state, TERM: "xterm" },
    timeout: 50_000,
  });
  assert.equal(stdout, "0\n", stderr);
  assert.match(
    readFileSync(join(state, "lyonnais", "history"), "utf8"),
    /^cd \d+\/?\s*\ncat status ?\necho wait > ctl\npwd\n$/,
  );
  rmSync(state, { recursive: true });
});

test("doctor says everything twice: for people and for programs", () => {
  const json = run(["doctor", "--json"]);
  const found: { name: string; verdict: string; detail: string; remedy?: string }[] = JSON.parse(json.stdout);
  const names = [
    "processor",
    "/dev/fuse",
    "fusermount3",
    "user_allow_other",
    "mount",
    "ptrace",
    "Yama",
    "capabilities",
    "seccomp notify",
  ];
  for (const name of names)
    assert.ok(
      found.some((one) => one.name === name),
      name,
    );
  for (const { verdict, detail, remedy } of found) {
    assert.match(verdict, /^(ok|warn|missing)$/);
    assert.ok(detail.length > 0 && (verdict === "ok") === (remedy === undefined));
  }
  const text = run(["doctor"]).stdout;
  for (const { name, detail } of found) assert.ok(text.includes(name) && text.includes(detail), name);
});
