import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hostArch } from "../../src/host/linux/host-arch.ts";
import { Agent, O_WRONLY } from "../support/agent.ts";
import { CLI } from "../support/paths.ts";
import { symbol } from "../support/programs.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target, until, untilItAsks } from "../support/target.ts";

const cli = (...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { encoding: "utf8", timeout: 30_000 });
const freshDir = (): string => mkdtempSync(join(tmpdir(), "lyonnais-test-"));
const isMounted = (dir: string): boolean => readFileSync("/proc/self/mountinfo", "utf8").includes(` ${dir} `);

function counter(target: Target): bigint {
  const { stdout } = spawnSync("dd", [
    `if=/proc/${target.pid}/mem`,
    "bs=8",
    "count=1",
    "iflag=skip_bytes",
    `skip=${symbol(target.binary, "counter")}`,
  ]);
  return stdout.readBigInt64LE();
}

async function runsOn(target: Target): Promise<void> {
  const seen = counter(target);
  await until(() => counter(target) !== seen, "the target runs on");
}

test("mount returns once the mount answers; umount ends the server", NEEDS_MOUNT, () => {
  const dir = freshDir();
  assert.deepEqual([cli("mount", dir).status, isMounted(dir)], [0, true]);
  assert.match(spawnSync("cat", [`${dir}/curproc/status`], { encoding: "utf8" }).stdout, /^cat \d+ /);
  const again = cli("mount", dir);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /^lyonnais: mount \S+: EBUSY: .* is mounted already/);
  assert.equal(cli("umount", dir).status, 0);
  assert.equal(isMounted(dir), false);
  const twice = cli("umount", dir);
  assert.deepEqual(
    [twice.status, /^lyonnais: umount \S+: EINVAL: nothing of lyonnais is mounted/.test(twice.stderr)],
    [1, true],
  );
  rmdirSync(dir);
});

test("errors of mount are one line that says what to do", NEEDS_MOUNT, () => {
  const dir = freshDir();
  const file = join(dir, "file");
  writeFileSync(file, "");
  for (const [args, message] of [
    [[join(dir, "missing")], /^lyonnais: mount \S+: ENOENT: .*mkdir/],
    [[file], /^lyonnais: mount \S+: ENOTDIR: .* is not a directory\n$/],
    [
      ["-o", "allow_others", dir],
      /^lyonnais: mount \S+: EINVAL: no mount option allow_others; there are allow_other, ro/,
    ],
  ] as const) {
    const { status, stderr } = cli("mount", ...args);
    assert.equal(status, 1);
    assert.match(stderr, message);
    assert.equal(stderr.split("\n").length, 2);
  }
  rmSync(dir, { recursive: true });
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${signal}: every target runs on, the mount is gone, exit 0`, NEEDS_MOUNT, async () => {
    await using target = await Target.start("counter");
    const server = await Server.start();
    await server.stop(target.pid);
    server.child.kill(signal);
    const [code] = await once(server.child, "exit");
    assert.equal(code, 0);
    assert.equal(isMounted(server.dir), false);
    assert.equal(target.field("TracerPid"), "0");
    await runsOn(target);
    rmdirSync(server.dir);
  });
}

test(
  "SIGKILL of the server: targets run on, also after a step, and the next mount replaces the dead one",
  NEEDS_MOUNT,
  async () => {
    await using stopped = await Target.start("counter");
    await using stepped = await Target.start("counter");
    const server = await Server.start();
    await server.stop(stopped.pid);
    await server.stop(stepped.pid);
    const stops = (): number => Number(stepped.field("voluntary_ctxt_switches"));
    const before = stops();
    server.ctl(stepped.pid, "step");
    await server.ctlLater(stepped.pid, "wait");
    // The step's trap is left as soon as the server is idle, for a stop that the target survives: the kernel counts both.
    await until(() => stops() >= before + 2, "the stop after the step's");
    assert.match(stepped.field("State"), /^t/);
    server.child.kill("SIGKILL");
    await once(server.child, "exit");
    for (const target of [stopped, stepped]) {
      assert.equal(target.field("TracerPid"), "0");
      await runsOn(target);
    }
    assert.throws(() => readdirSync(server.dir), { code: "ENOTCONN" });
    await using next = await Server.start("", server.dir);
    assert.ok(readdirSync(next.dir).includes("curproc"));
  },
);

test("a request that waits when the server is told to end is given up", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const server = await Server.start();
  await using agent = await Agent.start();
  const ctl = server.path(target.pid, "ctl");
  for (const word of ["attach", "run"]) assert.equal(await agent.writes(ctl, word), "ok");
  assert.equal(await agent.open(11, ctl, O_WRONLY), "ok");
  const answer = agent.write(11, "wait");
  await untilItAsks(agent.pid);
  server.child.kill("SIGTERM");
  assert.equal(await answer, "EINTR");
  await server[Symbol.asyncDispose]();
});

test("a busy mount goes when its last user has left", NEEDS_MOUNT, async () => {
  const server = await Server.start();
  const user = spawn("sleep", ["60"], { cwd: server.dir, stdio: "ignore", detached: true });
  await once(user, "spawn");
  await until(() => readFileSync(`/proc/${user.pid}/comm`, "latin1") === "sleep\n", "in the mount");
  assert.equal(cli("umount", server.dir).status, 0);
  assert.equal(isMounted(server.dir), false);
  user.kill("SIGKILL");
  const [code] = await once(server.child, "exit");
  assert.equal(code, 0);
  rmdirSync(server.dir);
});

test("several mounts at once, each with its own options", NEEDS_MOUNT, async () => {
  await using one = await Server.start();
  await using two = await Server.start("curproc=link");
  await using three = await Server.start("control=process");
  const shown = spawnSync("stat", ["-c", "%F %i", ...[one, two].map((s) => `${s.dir}/curproc`)], { encoding: "utf8" });
  assert.match(shown.stdout, /^directory \d+\nsymbolic link 3\n$/);
  const link = spawnSync("sh", ["-c", `echo $$; exec readlink ${two.dir}/curproc`], { encoding: "utf8" }).stdout.split(
    "\n",
  );
  assert.equal(link[0], link[1]);
  await using target = await Target.start("sleeper");
  assert.throws(
    () => spawnSync("sh", ["-c", `/bin/echo attach > ${three.dir}/${target.pid}/ctl`]) && three.ctl(target.pid, "run"),
    { code: "EBUSY" },
  );
  await until(() => target.field("TracerPid") === "0", "the writer's end ended its control");
});

test("10,000 rounds of attach and detach leave descriptors and memory flat", {
  ...NEEDS_MOUNT,
  timeout: 240_000,
}, async () => {
  await using target = await Target.start("sleeper");
  await using server = await Server.start();
  const held = (): { fds: number; rssKiB: number } => ({
    fds: readdirSync(`/proc/${server.child.pid}/fd`).length,
    rssKiB: Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, "latin1"))![1]),
  });
  const rounds = (n: number): void => {
    const loop = `i=0; while [ $i -lt ${n} ]; do echo attach >&5; echo detach >&5; i=$((i+1)); done`;
    const { status, stderr } = spawnSync("sh", ["-c", `exec 5> ${server.path(target.pid, "ctl")}; ${loop}`], {
      encoding: "utf8",
    });
    assert.deepEqual([status, stderr], [0, ""]);
  };
  rounds(2000);
  const before = held();
  rounds(8000);
  const after = held();
  assert.ok(after.fds <= before.fds + 2, `descriptors ${before.fds} → ${after.fds}`);
  assert.ok(after.rssKiB < before.rssKiB + 16_384, `memory ${before.rssKiB} → ${after.rssKiB} KiB`);
  assert.ok(after.rssKiB < 100 * 1024, `${after.rssKiB} KiB resident`);
  server.write(target.pid, "note", "hup");
  await target.prints("hup\n");
  assert.equal(target.output, "ready\nhup\n");
});

test("an ordinary user mounts by fusermount3", NEEDS_MOUNT, (t) => {
  if (!existsSync("/usr/bin/fusermount3")) {
    t.skip("needs fusermount3 (Debian package fuse3)");
    return;
  }
  // The device is root's on many machines: a private one, seen in a private mount namespace only.
  const dir = freshDir();
  const script = `set -e
mount -t tmpfs tmpfs ${dir}; mkdir ${dir}/mnt; chown nobody ${dir}/mnt; mknod ${dir}/fuse c 10 229; chmod 666 ${dir}/fuse
mount --bind ${dir}/fuse /dev/fuse
exec setpriv --reuid nobody --regid nogroup --clear-groups sh -c '
  export XDG_STATE_HOME=${dir} LYONNAIS_RUNTIME_DIR=${dir}/run
  cd /; ${process.execPath} ${CLI} mount ${dir}/mnt && cat ${dir}/mnt/curproc/status
  sleep 60 > /dev/null & p=$!
  echo attach > ${dir}/mnt/$p/ctl && echo wait > ${dir}/mnt/$p/ctl && grep State /proc/$p/status
  wc -c < ${dir}/mnt/$p/regs; echo detach > ${dir}/mnt/$p/ctl; kill $p
  cat ${dir}/mnt/1/mem 2>&1 | grep -c denied
  ${process.execPath} ${CLI} umount ${dir}/mnt; echo umount $?'`;
  const { stdout, stderr } = spawnSync("unshare", ["-m", "sh", "-c", script], { encoding: "utf8", timeout: 50_000 });
  assert.match(stdout, /^cat \d+ .* 65534 65534 65534\n/m, stderr);
  assert.match(stdout, new RegExp(`State:\tt \\(tracing stop\\)\n${hostArch().registerSize}\n1\numount 0\n`), stderr);
  rmdirSync(dir);
});

test("start mounts and says what to try; without FUSE it opens the shell and says why", NEEDS_MOUNT, async () => {
  const dir = freshDir();
  const server = spawn(process.execPath, [CLI, "start", join(dir, "proc")], { stdio: ["ignore", "pipe", "inherit"] });
  const [hints] = await once(server.stdout, "data");
  assert.match(String(hints), /mounted on .*\n.*ls -li .*\n/);
  assert.ok(spawnSync("ls", [join(dir, "proc")], { encoding: "utf8" }).stdout.includes("curproc\n"));
  server.kill("SIGINT");
  assert.deepEqual(await once(server, "exit"), [0, null]);
  // A private mount namespace in which /dev/fuse is something else.
  const script = `mount --bind /dev/null /dev/fuse; echo pwd | ${process.execPath} ${CLI} start ${dir}/proc`;
  const { stdout, stderr, status } = spawnSync("unshare", ["-m", "sh", "-c", script], {
    encoding: "utf8",
    timeout: 30_000,
  });
  assert.deepEqual([stdout, status], ["/\n", 0]);
  assert.match(stderr, /^lyonnais: no mount: E\w+: .*\nThe same tree in a shell instead:\n$/);
  rmSync(dir, { recursive: true });
});
