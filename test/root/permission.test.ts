import assert from "node:assert/strict";
import { chmodSync, chownSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Agent, O_RDONLY, O_RDWR, O_WRONLY } from "../support/agent.ts";
import { program, symbol } from "../support/programs.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { socketPair } from "../support/socket-pair.ts";
import { Target, until } from "../support/target.ts";

const A = 31001;
const B = 31002;

let server: Server;
let setUidSleeper: string;
let scratch: string;
before(async () => {
  if (NEEDS_MOUNT.skip) return;
  server = await Server.start("allow_other");
  chmodSync(server.dir.replace(/\/[^/]*$/, ""), 0o1777);
  scratch = mkdtempSync(join(tmpdir(), "lyonnais-setuid-"));
  chmodSync(scratch, 0o755);
  setUidSleeper = join(scratch, "sleeper");
  copyFileSync(program("sleeper"), setUidSleeper);
  chownSync(setUidSleeper, 0, 0);
  chmodSync(setUidSleeper, 0o4755);
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  if (scratch) rmSync(scratch, { recursive: true });
});

const WORDS = ["attach", "wait", "step", "run", "detach", "hup", "kill"];

test("another user's process: status only, whatever one tries first", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper", { uid: B });
  await using a = await Agent.start({ uid: A });
  for (const [node, flags] of [
    ["mem", O_RDONLY],
    ["mem", O_RDWR],
    ["regs", O_RDONLY],
    ["ctl", O_WRONLY],
    ["note", O_WRONLY],
    ["notepg", O_WRONLY],
  ] as const) {
    assert.equal(await a.open(11, server.path(target.pid, node), flags), "EACCES", node);
  }
  assert.equal(await a.open(11, server.path(target.pid, "status"), O_RDONLY), "ok");
  assert.match(String(await a.read(11, 0, 100)), /^sleeper /);
  assert.match(String(await a.read(11, 0, 400)), / nochan 31002 31002 /, "the wait channel is not shown");
});

test("the owner may do everything with her own", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter", { uid: A });
  await using a = await Agent.start({ uid: A });
  const ctl = server.path(target.pid, "ctl");
  for (const word of ["attach", "wait", "step", "wait"]) assert.equal(await a.writes(ctl, word), "ok", word);
  assert.equal(await a.open(11, server.path(target.pid, "regs"), O_RDWR), "ok");
  assert.equal(((await a.read(11, 0, 300)) as Buffer).length, 216);
  assert.equal(await a.open(12, server.path(target.pid, "mem"), O_RDWR), "ok");
  assert.equal(await a.write(12, "after\0", symbol(target.binary, "text")), "ok");
  assert.equal(await a.write(12, Buffer.alloc(4), symbol(target.binary, "go")), "ok");
  assert.equal(await a.writes(ctl, "run"), "ok");
  assert.equal((await target.exit()).code, 7);
  assert.equal(target.output, "ready\ntext after\n");
});

test("root's descriptor in another user's hands does nothing", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const [left, right] = socketPair();
  await using root = await Agent.start({ socket: left });
  await using a = await Agent.start({ uid: A, socket: right });
  for (const [node, flags] of [
    ["mem", O_RDWR],
    ["regs", O_RDWR],
    ["ctl", O_WRONLY],
    ["note", O_WRONLY],
    ["notepg", O_WRONLY],
  ] as const) {
    assert.equal(await root.open(12, server.path(target.pid, node), flags), "ok");
    assert.equal(await root.does("send 12"), "ok");
    assert.equal(await a.does("adopt 13"), "ok");
    if (flags === O_RDWR) assert.equal(await a.read(13, 0, 8), "EPERM", `read ${node}`);
    assert.equal(await a.write(13, "hup"), "EPERM", `write ${node}`);
  }
  server.write(target.pid, "note", "usr1");
  await target.prints("usr1\n");
  assert.equal(target.output, "ready\nusr1\n");
});

test("a user's descriptor in root's hands has only the user's rights", NEEDS_MOUNT, async () => {
  await using target = await Target.start("execs-on-usr1", { uid: A, args: [setUidSleeper] });
  const [left, right] = socketPair();
  await using a = await Agent.start({ uid: A, socket: left });
  await using root = await Agent.start({ socket: right });
  for (const [slot, node, flags] of [
    [11, "regs", O_RDWR],
    [12, "ctl", O_WRONLY],
  ] as const) {
    assert.equal(await a.open(slot, server.path(target.pid, node), flags), "ok");
    assert.equal(await a.does(`send ${slot}`), "ok");
    assert.equal(await root.does(`adopt ${slot}`), "ok");
  }
  assert.equal(((await root.read(11, 0, 216)) as Buffer).length, 216);
  target.child.kill("SIGUSR1");
  await target.prints("ready\nready\n");
  assert.equal(await root.read(11, 0, 216), "EPERM");
  assert.equal(await root.write(12, "attach"), "EPERM");
});

test("descriptors opened before a set-id exec are dead for every operation", NEEDS_MOUNT, async () => {
  await using target = await Target.start("execs-on-usr1", { uid: A, args: [setUidSleeper] });
  await using a = await Agent.start({ uid: A });
  const nodes = [
    [11, "mem", O_RDWR],
    [12, "regs", O_RDWR],
    [13, "ctl", O_WRONLY],
  ] as const;
  for (const [slot, node, flags] of nodes) assert.equal(await a.open(slot, server.path(target.pid, node), flags), "ok");
  target.child.kill("SIGUSR1");
  await target.prints("ready\nready\n");
  const main = symbol(target.binary, "main");
  assert.equal(await a.read(11, main, 8), "EPERM");
  assert.equal(await a.write(11, "xxxx", main), "EPERM");
  assert.equal(await a.read(12, 0, 216), "EPERM");
  assert.equal(await a.write(12, "12345678"), "EPERM");
  for (const word of WORDS) assert.equal(await a.write(13, word), "EPERM", word);
  for (const node of ["mem", "regs", "ctl"])
    assert.equal(await a.open(14, server.path(target.pid, node), O_WRONLY), "EACCES");
  assert.equal(target.field("TracerPid"), "0");
});

test("a set-id exec under a user's control drops it before the first instruction", NEEDS_MOUNT, async () => {
  await using target = await Target.start("execs-on-usr1", { uid: A, args: [setUidSleeper] });
  await using a = await Agent.start({ uid: A });
  const ctl = server.path(target.pid, "ctl");
  await a.open(11, ctl, O_WRONLY);
  for (const word of ["attach", "wait"]) assert.equal(await a.write(11, word), "ok");
  assert.equal(await a.write(11, "usr1"), "ok");
  await target.prints("ready\nready\n");
  assert.equal(target.field("TracerPid"), "0");
  assert.match(target.field("Uid"), /^31001\t0\t/);
  for (const word of WORDS) assert.equal(await a.write(11, word), "EPERM", word);
});

test("root keeps control across a set-id exec", NEEDS_MOUNT, async () => {
  await using target = await Target.start("execs-on-usr1", { uid: A, args: [setUidSleeper] });
  await server.stop(target.pid);
  server.ctl(target.pid, "usr1");
  await server.ctlLater(target.pid, "wait");
  assert.equal(target.field("TracerPid"), String(server.child.pid));
  server.ctl(target.pid, "detach");
  await target.prints("ready\nready\n");
});

test("a set-id program whose standard error is its own mem does not write it", NEEDS_MOUNT, async () => {
  const setUidAgent = join(scratch, "agent");
  copyFileSync(program("agent"), setUidAgent);
  chmodSync(setUidAgent, 0o4755);
  await using a = await Agent.start({ uid: A });
  assert.equal(await a.open(12, server.path("curproc", "mem"), O_RDWR), "ok");
  // The image that follows keeps the descriptor and, being root's, would pass every check of the writer alone.
  assert.equal(await a.raw(`exec ${setUidAgent}`), "ready");
  assert.match(readFileSync(`/proc/${a.pid}/status`, "latin1"), /^Uid:\t31001\t0\t/m);
  assert.equal(await a.write(12, "xxxx", symbol(program("agent"), "main")), "EPERM");
});

test("status of others, root's processes: mem, regs and ctl refused at open and inside", NEEDS_MOUNT, async () => {
  await using a = await Agent.start({ uid: A });
  await using target = await Target.start("sleeper");
  for (const pid of [1, 2, target.pid, server.child.pid!]) {
    for (const node of ["mem", "regs", "ctl", "note", "notepg"]) {
      assert.equal(await a.open(11, server.path(pid, node), O_WRONLY), "EACCES", `${pid}/${node}`);
    }
  }
});

test("kernel threads have no memory and no registers, even for root", NEEDS_MOUNT, async () => {
  await using root = await Agent.start();
  assert.equal(await root.open(11, server.path(2, "mem"), O_RDONLY), "EPERM");
  assert.equal(await root.open(11, server.path(2, "regs"), O_RDONLY), "ok");
  assert.equal(await root.read(11, 0, 216), "EPERM");
  assert.equal(await root.writes(server.path(2, "ctl"), "attach"), "EPERM");
  assert.equal(await root.raw(`stat ${server.path(2, "file")}`), "err 2");
});

test("an undumpable process is closed to its own user", NEEDS_MOUNT, async () => {
  const script = "import ctypes,time,sys; ctypes.CDLL(None).prctl(4, 0); print('sealed', flush=True); time.sleep(60)";
  await using target = await Target.start("python3", { path: "/usr/bin/env", uid: A, args: ["python3", "-c", script] });
  await target.prints("sealed");
  await using a = await Agent.start({ uid: A });
  for (const [node, flags] of [
    ["mem", O_RDONLY],
    ["regs", O_RDONLY],
    ["ctl", O_WRONLY],
  ] as const) {
    const opened = await a.open(11, server.path(target.pid, node), flags);
    const used = opened !== "ok" ? opened : flags === O_WRONLY ? await a.write(11, "attach") : await a.read(11, 0, 8);
    assert.equal(used, "EPERM", node);
  }
  assert.equal(await a.writes(server.path(target.pid, "note"), "term"), "ok", "signals follow kill(2)");
});

test("root of another user namespace is not root here", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  await using confined = await Agent.start({ via: ["unshare", "--user", "--map-root-user", "--"] });
  const ctl = server.path(target.pid, "ctl");
  const answers = new Set([await confined.writes(ctl, "attach"), await confined.writes(ctl, "hup")]);
  assert.deepEqual([...answers], ["EPERM"]);
  assert.equal(await confined.open(11, server.path(target.pid, "mem"), O_RDWR), "EPERM");
  assert.equal(await confined.open(11, server.path(server.child.pid!, "mem"), O_RDWR), "EPERM");
});

test(
  "root without capabilities may do what the kernel lets it: nothing to a full root's process",
  NEEDS_MOUNT,
  async () => {
    await using target = await Target.start("sleeper");
    await using bare = await Agent.start({ via: ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"] });
    assert.equal(await bare.writes(server.path(target.pid, "ctl"), "attach"), "EPERM");
    assert.equal(await bare.open(11, server.path(target.pid, "mem"), O_RDWR), "EPERM");
  },
);

test("the controller is the writer's session, not the opener's", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper", { uid: A });
  const [left, right] = socketPair();
  await using opener = await Agent.start({ uid: A, socket: left });
  await using writer = await Agent.start({ uid: A, socket: right });
  assert.equal(await opener.open(11, server.path(target.pid, "ctl"), O_WRONLY), "ok");
  await opener.does("send 11");
  await writer.does("adopt 11");
  assert.equal(await writer.write(11, "attach"), "ok");
  assert.equal(await writer.write(11, "wait"), "ok");
  assert.equal(await opener.write(11, "run"), "EBUSY");
  assert.equal(await writer.write(11, "detach"), "ok");
});

test("root may detach what a user controls; another session of the user may not", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper", { uid: A });
  await using a = await Agent.start({ uid: A });
  await using again = await Agent.start({ uid: A });
  const ctl = server.path(target.pid, "ctl");
  assert.equal(await a.writes(ctl, "attach"), "ok");
  assert.equal(await again.writes(ctl, "detach"), "EBUSY");
  server.ctl(target.pid, "detach");
  await until(() => target.field("TracerPid") === "0", "detached");
});

test("notes follow kill(2): a set-uid program's starter may signal it, others may not", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper", { path: setUidSleeper, uid: A });
  await target.prints("ready\n");
  await using a = await Agent.start({ uid: A });
  // The node belongs to the effective user, root: the mode already refuses.
  assert.equal(await a.writes(server.path(target.pid, "note"), "hup"), "EACCES");
  await using b = await Agent.start({ uid: B });
  assert.equal(await b.writes(server.path(target.pid, "note"), "hup"), "EACCES");
});

test("without allow_other nobody else gets in", NEEDS_MOUNT, async () => {
  await using own = await Server.start();
  await using a = await Agent.start({ uid: A });
  assert.equal(await a.raw(`stat ${own.dir}/curproc`), "err 13");
});

test("a read-only mount refuses every write with EROFS", NEEDS_MOUNT, async () => {
  await using readOnly = await Server.start("ro");
  await using target = await Target.start("sleeper");
  await using root = await Agent.start();
  for (const node of ["mem", "regs", "ctl", "note", "notepg"]) {
    assert.equal(await root.open(11, readOnly.path(target.pid, node), O_WRONLY), "EROFS", node);
  }
  assert.equal(await root.open(11, readOnly.path(target.pid, "mem"), O_RDONLY), "ok");
});
