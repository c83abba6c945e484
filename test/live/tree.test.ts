import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statfsSync, statSync } from "node:fs";
import { after, before, test } from "node:test";
import { Agent, O_RDONLY, O_RDWR, O_WRONLY } from "../support/agent.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target, until } from "../support/target.ts";

let server: Server;
before(async () => {
  if (!NEEDS_MOUNT.skip) server = await Server.start();
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
});

const code = (name: string) => (error: NodeJS.ErrnoException) => error.code === name;
const sh = (script: string): string => spawnSync("sh", ["-c", script], { encoding: "utf8", cwd: "/" }).stdout;

test("inode numbers are those of 1993", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const base = 8 * (target.pid + 1);
  assert.equal(lstatSync(server.dir).ino, 2);
  assert.equal(lstatSync(server.path(target.pid)).ino, base + 1);
  const slots = { file: 2, mem: 3, regs: 4, ctl: 5, status: 6, note: 7, notepg: 8 };
  for (const [name, slot] of Object.entries(slots)) {
    assert.equal(lstatSync(server.path(target.pid, name)).ino, base + slot, name);
  }
  assert.equal(lstatSync(server.path(1)).ino, 17);
});

test("a process directory holds its files, with their modes, owner, links and sizes", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper", { uid: 31001, gid: 31002 });
  assert.deepEqual(readdirSync(server.path(target.pid)), [
    "auxv",
    "breaks",
    "cmdline",
    "ctl",
    "cwd",
    "dbregs",
    "environ",
    "events",
    "file",
    "fpregs",
    "fpregs.txt",
    "lwp",
    "map",
    "mem",
    "nomem",
    "note",
    "notepg",
    "regs",
    "regs.txt",
    "rlimit",
    "root",
    "sig",
    "stack",
    "status",
    "stop",
    "wchan",
  ]);
  const modes = {
    ...{ mem: 0o100600, regs: 0o100600, ctl: 0o100200, status: 0o100444, note: 0o100200, notepg: 0o100200 },
    ...{ map: 0o100444, rlimit: 0o100644, nomem: 0o100444 },
    ...{ stop: 0o100400, events: 0o100400, wchan: 0o100444 },
    ...{ fpregs: 0o100600, "fpregs.txt": 0o100600, sig: 0o100444 },
    ...{ "regs.txt": 0o100600, stack: 0o100400, auxv: 0o100400, cmdline: 0o100400, environ: 0o100400 },
  };
  for (const [name, mode] of Object.entries(modes)) {
    const st = lstatSync(server.path(target.pid, name));
    assert.equal(st.mode, mode, name);
    assert.deepEqual([st.uid, st.gid, st.nlink], [31001, 31002, 1], name);
    if (name === "mem") assert.ok(st.size > 0 && st.blocks === st.size / 512);
    else assert.deepEqual([st.size, st.blocks], [0, 0], name);
    assert.ok(Math.abs(st.mtimeMs - Date.now()) < 5000 && st.mtimeMs === st.ctimeMs && st.mtimeMs === st.atimeMs);
  }
  const dir = lstatSync(server.path(target.pid));
  assert.deepEqual([dir.mode, dir.nlink, dir.size, dir.uid, dir.gid], [0o040555, 2, 0, 31001, 31002]);
  const root = lstatSync(server.dir);
  assert.deepEqual([root.mode, root.uid, root.gid], [0o040555, 0, 0]);
});

test("file leads to the executable itself", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const file = server.path(target.pid, "file");
  assert.equal(readlinkSync(file), target.binary);
  const [ours, real] = [statSync(file), statSync(target.binary)];
  assert.deepEqual([ours.ino, ours.dev, ours.size, ours.mode], [real.ino, real.dev, real.size, real.mode]);
  assert.deepEqual(readFileSync(file), readFileSync(target.binary));
});

test("file of a program that was removed leads to the kernel's own link", NEEDS_MOUNT, async () => {
  const copy = sh("mktemp").trim();
  sh(`cp /bin/sleep ${copy}; chmod 755 ${copy}`);
  await using target = await Target.start("sleep", { path: copy, args: ["60"] });
  await until(() => readlinkSync(`/proc/${target.pid}/exe`) === copy, "executed");
  assert.equal(readlinkSync(server.path(target.pid, "file")), copy);
  sh(`rm ${copy}`);
  assert.equal(readlinkSync(server.path(target.pid, "file")), `/proc/${target.pid}/exe`);
  assert.deepEqual(readFileSync(server.path(target.pid, "file")), readFileSync("/bin/sleep"));
});

test("the listing has every process once, curproc, zombies and kernel threads", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const zombie = Number(sh("sh -c 'sleep 0 & echo $!; exec sleep 2' | head -1"));
  const processes = (): string[] => readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const before = processes();
  const names = readdirSync(server.dir);
  const host = new Set([
    ...before,
    ...processes(),
    "curproc",
    "accounts",
    "accounts-check",
    "events",
    "history",
    "jobs",
    "observed",
    "swap",
  ]);
  assert.equal(new Set(names).size, names.length);
  for (const wanted of ["curproc", "1", "2", String(target.pid)]) assert.ok(names.includes(wanted), wanted);
  // Others' processes come and go on this machine: one may have lived between two looks.
  const strange = names.filter((name) => !host.has(name));
  assert.ok(strange.length <= 1, `not in /proc: ${strange}`);
  if (existsSync(`/proc/${zombie}`)) assert.ok(names.includes(String(zombie)));
  assert.equal(sh(`ls -a ${server.dir} | head -3`), ".\n..\n1\n");
});

test("a zombie is listed, has a status and can be looked at", NEEDS_MOUNT, async () => {
  await using parent = await Target.start("sh", { path: "/bin/sh", args: ["-c", "true & echo $!; exec sleep 60"] });
  await parent.prints("\n");
  const zombie = Number(parent.output);
  await until(() => / Z /.test(readFileSync(`/proc/${zombie}/stat`, "latin1")), "a zombie");
  assert.ok(readdirSync(server.dir).includes(String(zombie)));
  assert.match(readFileSync(server.path(zombie, "status"), "latin1"), new RegExp(`^sh ${zombie} ${parent.pid} `));
  assert.throws(() => server.ctl(zombie, "attach"), code("EINVAL"));
  assert.throws(() => server.ctl(zombie, "run"), code("EBUSY"));
  assert.throws(() => server.ctl(zombie, "wait"), code("ESRCH"));
  assert.throws(() => server.regs(zombie), code("ESRCH"));
  assert.throws(() => readFileSync(server.path(zombie, "mem")), code("EFAULT"));
});

test("names that are no process are not there", NEEDS_MOUNT, async () => {
  await using target = await Target.start("threads", { args: ["1"] });
  const thread = readdirSync(`/proc/${target.pid}/task`).find((tid) => tid !== String(target.pid))!;
  for (const name of ["0", "-1", "+1", "1a", "0x1", "CURPROC", "99999999", "4294967297", thread, " 1"]) {
    assert.throws(() => lstatSync(server.path(name)), code("ENOENT"), name);
  }
  assert.equal(lstatSync(server.path("0001")).ino, 17);
  assert.throws(() => lstatSync(server.path(1, "nonsense")), code("ENOENT"));
  assert.throws(() => lstatSync(server.path(1, "status", "x")), code("ENOTDIR"));
  assert.equal(lstatSync(server.path(1, "..")).ino, 2);
  assert.equal(lstatSync(`${server.path(1)}/.`).ino, 17);
});

test("curproc is the caller's own directory", NEEDS_MOUNT, async () => {
  const shown = sh(`stat -c '%i %F' ${server.dir}/curproc; exec cat ${server.dir}/curproc/status`);
  const [stat, status] = shown.split("\n");
  assert.match(stat!, /^\d+ directory$/);
  const pid = Number(status!.split(" ")[1]);
  assert.match(status!, /^cat /);
  const own = Number(sh(`exec stat -c '%i' ${server.dir}/curproc`));
  assert.equal((own - 1) % 8, 0);
  assert.ok(pid > 1);
});

test("curproc of a second thread is its process", NEEDS_MOUNT, () => {
  const script = `import os, threading
seen = []
t = threading.Thread(target=lambda: seen.append(open("${server.dir}/curproc/status").read().split()[1]))
t.start(); t.join(); print(seen[0] == str(os.getpid()))`;
  assert.equal(spawnSync("python3", ["-c", script], { encoding: "utf8" }).stdout, "True\n");
});

test("eight processes that race on curproc each see themselves", NEEDS_MOUNT, () => {
  const loop = `i=0; while [ $i -lt 150 ]; do read n p r < ${server.dir}/curproc/status || echo failed; [ "$p" = $$ ] || echo "$$ saw $p"; i=$((i+1)); done; echo done`;
  const all = Array.from({ length: 8 }, () => `sh -c '${loop}' & `).join("");
  assert.equal(sh(`${all} wait`), "done\n".repeat(8));
});

test("a descriptor opened through curproc stays with its process", NEEDS_MOUNT, () => {
  const shown = sh(`exec 5< ${server.dir}/curproc/status; echo $$; cat <&5`).split("\n");
  assert.equal(shown[1]!.split(" ")[1], shown[0]);
});

test("df prints 2 2 0 100%", NEEDS_MOUNT, () => {
  const [, line] = sh(`POSIXLY_CORRECT=1 df -P ${server.dir}`).split("\n");
  assert.match(line!, new RegExp(`^proc +2 +2 +0 +100% +${server.dir}$`));
  const fs = statfsSync(server.dir);
  assert.equal(fs.files, Number(readFileSync("/proc/sys/kernel/pid_max", "latin1")));
  assert.ok(fs.ffree > 0 && fs.ffree < fs.files);
});

test("chmod, chown, utimes and truncate succeed without effect; the tree cannot be changed", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const dir = server.path(target.pid);
  const change = `cd ${dir} && chmod 777 status && chown 7:7 mem && touch note && truncate -s 5 ctl && stat -c '%a %u %s' status mem ctl`;
  const [status, mem, ctl] = sh(change).split("\n");
  assert.equal(status, "444 0 0");
  assert.match(mem!, /^600 0 \d+$/);
  assert.equal(ctl, "200 0 0");
  const refused = [
    "rm status",
    "mv status x",
    "ln status x",
    "ln -s a x",
    "mkdir x",
    "touch x",
    "mknod x p",
    "rmdir .",
  ];
  for (const command of refused) assert.equal(sh(`cd ${dir} && ${command} 2>/dev/null || echo no`), "no\n", command);
});

test("nodes cannot be mapped, nor read behind read's back; ioctl is ENOTTY", NEEDS_MOUNT, async () => {
  await using agent = await Agent.start();
  await using victim = await Target.start("sleeper");
  for (const name of ["mem", "status"]) {
    const flags = name === "mem" ? O_RDWR : O_RDONLY;
    assert.equal(await agent.open(11, server.path(victim.pid, name), flags), "ok");
    assert.equal(await agent.does("mmap 11"), "ENODEV");
    // sendfile of a file of size 0 moves nothing.
    if (name === "status") assert.equal(await agent.does("sendfile 11"), "ok");
    else assert.equal(await agent.does("sendfile 11"), "EINVAL");
  }
  const tty = `import fcntl, errno
try: fcntl.ioctl(open("${server.path(1, "status")}"), 0x5401, b"x" * 64)
except OSError as e: print(errno.errorcode[e.errno])`;
  assert.equal(spawnSync("python3", ["-c", tty], { encoding: "utf8" }).stdout, "ENOTTY\n");
});

test("a process that maps a node of ours can be read by others without a hang", NEEDS_MOUNT, async () => {
  await using mapper = await Agent.start();
  await using victim = await Target.start("sleeper");
  assert.equal(await mapper.open(11, server.path(victim.pid, "mem"), O_RDONLY), "ok");
  const [kind, address] = (await mapper.raw("mapprivate 11")).split(" ");
  assert.equal(kind, "ok");
  await using reader = await Agent.start();
  assert.equal(await reader.open(11, server.path(mapper.pid, "mem"), O_RDONLY), "ok");
  assert.equal(await reader.read(11, Number(address), 4096), "EFAULT");
  assert.match(readFileSync(server.path(victim.pid, "status"), "latin1"), /^sleeper /);
});

test("poll says ready at once", NEEDS_MOUNT, () => {
  const script = `import select
f = open("${server.path(1, "status")}"); p = select.poll(); p.register(f, select.POLLIN); print(len(p.poll(1000)))`;
  assert.equal(spawnSync("python3", ["-c", script], { encoding: "utf8" }).stdout, "1\n");
});

test("a one-entry buffer still lists everything once", NEEDS_MOUNT, () => {
  const script = `import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True); fd = os.open("${server.dir}", os.O_RDONLY); names = []
buf = ctypes.create_string_buffer(40)
while True:
    n = libc.getdents64(fd, buf, 40)
    if n <= 0: break
    at = 0
    while at < n:
        reclen = struct.unpack_from("H", buf.raw, at + 16)[0]; names.append(buf.raw[at + 19:at + reclen].split(b"\\0")[0].decode()); at += reclen
print(len(names) == len(set(names)), "curproc" in names, "1" in names, names[:2])`;
  assert.equal(spawnSync("python3", ["-c", script], { encoding: "utf8" }).stdout, "True True True ['.', '..']\n");
});

test("what has exited is not there, and its descriptors say ESRCH", NEEDS_MOUNT, async () => {
  const target = await Target.start("sleeper");
  await using agent = await Agent.start();
  const names = { status: O_RDONLY, mem: O_RDWR, regs: O_RDWR, ctl: O_WRONLY, note: O_WRONLY, notepg: O_WRONLY };
  let slot = 10;
  for (const [name, flags] of Object.entries(names)) {
    assert.equal(await agent.open(slot++, server.path(target.pid, name), flags), "ok", name);
  }
  await target[Symbol.asyncDispose]();
  assert.throws(() => lstatSync(server.path(target.pid)), code("ENOENT"));
  for (const at of [10, 11, 12]) assert.equal(await agent.read(at, 0, 8), "ESRCH", `slot ${at}`);
  for (const at of [11, 12, 13, 14, 15]) assert.equal(await agent.write(at, "hup"), "ESRCH", `slot ${at}`);
});

test("a descriptor never reaches a later process with the same pid", NEEDS_MOUNT, async (t) => {
  const lastPid = "/proc/sys/kernel/ns_last_pid";
  if (!existsSync(lastPid)) {
    t.skip("needs a kernel with CONFIG_CHECKPOINT_RESTORE");
    return;
  }
  await using agent = await Agent.start();
  const first = await Target.start("sleeper");
  const nodes = { status: O_RDONLY, mem: O_RDWR, regs: O_RDWR, ctl: O_WRONLY, note: O_WRONLY };
  let slot = 10;
  for (const [name, flags] of Object.entries(nodes)) await agent.open(slot++, server.path(first.pid, name), flags);
  await first[Symbol.asyncDispose]();
  // Others may take the number first; then the next try aims again.
  const reuse = `i=0; while [ $i -lt 200 ]; do echo ${first.pid - 1} > ${lastPid}; sleep 60 & [ $! = ${first.pid} ] && { echo got; wait; }; kill $!; i=$((i+1)); done`;
  await using second = await Target.start("sh", { path: "/bin/sh", args: ["-c", reuse] });
  await second.prints("got\n");
  try {
    assert.match(
      readFileSync(server.path(first.pid, "status"), "latin1"),
      new RegExp(`^(sh|sleep) ${first.pid} ${second.pid} `),
    );
    for (const at of [10, 11, 12]) assert.equal(await agent.read(at, 0, 8), "ESRCH", `slot ${at}`);
    for (const at of [11, 12, 13, 14]) assert.equal(await agent.write(at, "hup"), "ESRCH", `slot ${at}`);
  } finally {
    process.kill(first.pid, "SIGKILL");
  }
});
