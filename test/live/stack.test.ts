/** `stack`, `regs.txt` and the files of facts, with eu-stack, addr2line and /proc as the oracles. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Agent, O_RDONLY } from "../support/agent.ts";
import { program, symbol } from "../support/programs.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target } from "../support/target.ts";

let server: Server;
before(async () => {
  if (!NEEDS_MOUNT.skip) server = await Server.start();
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
});

interface Line {
  readonly pc: number;
  readonly name: string;
  readonly source: string | undefined;
  readonly text: string;
}

const LINE = /^#\d+ 0x([0-9a-f]+) (?:(<signal>|\?\?)|(\S+)\+0x[0-9a-f]+)(?: (\S+:\d+))?(?: \((\S+)\))?$/;

function stackOf(pid: number): Line[] {
  const lines = readFileSync(server.path(pid, "stack"), "latin1").trimEnd().split("\n");
  return lines.map((text, i) => {
    const match = LINE.exec(text);
    assert.ok(match && text.startsWith(`#${i} `), text);
    return { pc: Number.parseInt(match[1]!, 16), name: match[2] ?? match[3]!, source: match[4], text };
  });
}

const OFFLINE = { ...process.env, DEBUGINFOD_URLS: "" };

/** What eu-stack says of the first thread of a process that nobody traces. */
function euStack(pid: number): { pc: number; name: string }[] {
  const { stdout } = spawnSync("eu-stack", ["-1", "-r", "-p", String(pid)], {
    encoding: "utf8",
    env: OFFLINE,
    timeout: 20_000,
  });
  return [...stdout.matchAll(/^#\d+\s+0x([0-9a-f]+)(?: - 1)?(?:[ \t]+(\S+))?/gm)].map(([, pc, name]) => ({
    pc: Number.parseInt(pc!, 16),
    name: name?.split("@")[0] ?? "??",
  }));
}

const HAS_EU_STACK = spawnSync("eu-stack", ["--version"]).status === 0;
const NEEDS_ORACLE = { ...NEEDS_MOUNT, skip: NEEDS_MOUNT.skip || (HAS_EU_STACK ? false : "needs eu-stack") };

/** All of a stack while nobody is tracing: the process must be asleep in the same place for both. */
async function sameAsOracle(target: Target, least: number): Promise<Line[]> {
  const [call] = readFileSync(`/proc/${target.pid}/syscall`, "latin1").split(" ");
  const expected = euStack(target.pid);
  // Let go, it makes the call again: before it has, it is an instruction away.
  await asleep(target, [call!]);
  const ours = stackOf(target.pid);
  assert.ok(expected.length >= least, `eu-stack knows ${expected.length} calls`);
  const name = (i: number): string => (ours[i]!.name === "<signal>" ? expected[i]!.name : ours[i]!.name);
  assert.deepEqual(
    ours.slice(0, expected.length).map(({ pc }, i) => ({ pc, name: name(i) })),
    expected,
  );
  return ours;
}

/** Resolves once the first thread sleeps in one of these system calls, by default pause(2). */
async function asleep(target: Target, calls: readonly string[] = [PAUSE]): Promise<void> {
  while (!calls.includes(readFileSync(`/proc/${target.pid}/syscall`, "latin1").split(" ")[0]!)) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
/** arm64 has no pause(2): the library calls ppoll(2). */
const PAUSE = process.arch === "x64" ? "34" : "73";
const FUTEX = process.arch === "x64" ? "202" : "98";

/** gcc's flags, and what programs compiled so lack. */
const BUILDS: readonly (readonly string[])[] = [
  [],
  ["-g0"],
  ["-O2"],
  ["-O0"],
  ["-fno-omit-frame-pointer"],
  ["-gdwarf-4"],
  ["-s"],
  ["-static"],
  ["-pie", "-fPIE"],
];

for (const flags of BUILDS) {
  test(`the calls of a C program ${flags.join(" ")}`, NEEDS_ORACLE, async () => {
    const path = program("frames", ...flags);
    for (const args of [["deep", "12"], ["signal"], ["elsewhere"], ["aligned", "40"], ["threads"]]) {
      await using target = await Target.start("frames", { path, args });
      await target.prints("ready\n");
      await asleep(target);
      const ours = await sameAsOracle(target, 4);
      if (flags.includes("-s")) continue;
      const names = ours.map(({ name }) => name);
      if (args[0] === "deep" && !flags.includes("-O2"))
        assert.equal(names.filter((name) => name === "recursion").length, 13);
      if (args[0] === "signal") assert.ok(names.indexOf("handler") + 1 === names.indexOf("<signal>"), names.join());
      if (args[0] === "aligned") assert.ok(names.indexOf("aligned") < names.indexOf("main"), names.join());
      assert.equal(names.at(-1), "_start");
    }
  });
}

test("a call of address 0 is followed to who made it", NEEDS_MOUNT, async () => {
  await using target = await Target.start("frames", { args: ["null"] });
  await asleep(target);
  const names = stackOf(target.pid).map(({ name }) => name);
  assert.deepEqual(names.slice(names.indexOf("handler"), names.indexOf("main") + 1), [
    "handler",
    "<signal>",
    "??",
    "main",
  ]);
});

test("source lines are addr2line's, with DWARF 4 and 5", NEEDS_MOUNT, async () => {
  for (const flags of [[], ["-gdwarf-4"], ["-O2"]]) {
    const path = program("frames", ...flags);
    await using target = await Target.start("frames", { path, args: ["deep", "5"] });
    await target.prints("ready\n");
    await asleep(target);
    const own = stackOf(target.pid).filter(({ text }) => text.includes(" frames.c:"));
    assert.ok(own.length >= 3, own.join());
    for (const { pc, source } of own) {
      // A call's line is that of the byte before the one it goes on at.
      const { stdout } = spawnSync("addr2line", ["-e", path, (pc - 1).toString(16)], { encoding: "utf8" });
      assert.equal(source, /([^/\s]+:\d+)/.exec(stdout)?.[1]);
    }
  }
});

test("python3 and node", NEEDS_ORACLE, async () => {
  for (const [path, args] of [
    ["/usr/bin/env", ["python3", "-c", "import signal; print('ready', flush=True); signal.pause()"]],
    [
      process.execPath,
      ["--jitless", "-e", "fs.writeSync(1, 'ready\\n'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)"],
    ],
  ] as const) {
    await using target = await Target.start(path, { path, args });
    await target.prints("ready\n");
    await asleep(target, [PAUSE, FUTEX]);
    await server.stop(target.pid);
    const stopped = stackOf(target.pid);
    server.ctl(target.pid, "detach");
    const expected = euStack(target.pid);
    assert.ok(expected.length > 5);
    assert.deepEqual(
      stopped.slice(0, expected.length).map(({ pc }) => pc),
      expected.map(({ pc }) => pc),
    );
    const different = stopped.filter(({ name }, i) => expected[i] && expected[i].name !== name);
    assert.deepEqual(different, []);
  }
});

test("a running process is held for the moment, a stopped one stays stopped", NEEDS_MOUNT, async () => {
  await using target = await Target.start("frames", { args: ["spin"] });
  for (let i = 0; i < 50; i++) {
    const names = stackOf(target.pid).map(({ name }) => name);
    assert.deepEqual([names[0], names[1], names.at(-1)], ["spin", "main", "_start"]);
  }
  assert.equal(target.field("TracerPid"), "0");
  await server.stop(target.pid);
  const [first] = stackOf(target.pid);
  assert.equal(first!.pc, Number(server.regs(target.pid).readBigUInt64LE(128)));
  server.ctl(target.pid, "detach");
});

test("regs.txt says what regs has, and takes lines", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  await server.stop(target.pid);
  const path = server.path(target.pid, "regs.txt");
  const lines = (): Map<string, string> =>
    new Map(
      readFileSync(path, "latin1")
        .trimEnd()
        .split("\n")
        .map((line) => line.split(" ") as [string, string]),
    );
  const before = lines();
  assert.equal(BigInt(before.get("rip")!), server.regs(target.pid).readBigUInt64LE(128));
  assert.equal(before.size, 27);
  const main = symbol(target.binary, "main");
  writeFileSync(path, `rip 0x${main.toString(16)}\nrbx -2\n`);
  assert.deepEqual([lines().get("rip"), lines().get("rbx")], [`0x${main.toString(16)}`, "0xfffffffffffffffe"]);
  for (const wrong of ["rix 1\n", "rip\n", "rip 0x1 2\n", "rip 0x10000000000000000\n", "rbx 7\nrip x\n"])
    assert.throws(() => writeFileSync(path, wrong), { code: "EINVAL" }, wrong);
  assert.equal(lines().get("rbx"), "0xfffffffffffffffe");
  writeFileSync(path, `rip ${before.get("rip")}\nrbx ${before.get("rbx")}\n`);
  assert.deepEqual(lines(), before);
  server.ctl(target.pid, "detach");
});

test("auxv, cmdline, environ, cwd and root are the kernel's", NEEDS_MOUNT, async () => {
  await using target = await Target.start("frames", { args: ["deep", "2"] });
  for (const name of ["auxv", "cmdline", "environ"]) {
    const path = server.path(target.pid, name);
    assert.deepEqual(readFileSync(path), readFileSync(`/proc/${target.pid}/${name}`), name);
  }
  assert.equal(readFileSync(server.path(target.pid, "cmdline"), "latin1"), `${target.binary}\0deep\x002\0`);
  assert.equal(readlinkSync(server.path(target.pid, "cwd")), "/");
  assert.equal(readlinkSync(server.path(target.pid, "root")), "/");
});

test("who may not debug a process is told nothing of it; its own user is", NEEDS_MOUNT, async () => {
  await using mount = await Server.start("allow_other");
  await using target = await Target.start("sleep", { path: "/bin/sleep", args: ["60"], uid: 61_011 });
  await using stranger = await Agent.start({ uid: 61_012 });
  await using owner = await Agent.start({ uid: 61_011 });
  for (const name of ["stack", "regs.txt", "auxv", "cmdline", "environ"]) {
    const path = mount.path(target.pid, name);
    assert.equal(await stranger.open(11, path, O_RDONLY), "EACCES", name);
    assert.equal(await owner.open(11, path, O_RDONLY), "ok", name);
    assert.ok(Buffer.isBuffer(await owner.read(11, 0, 65536)), name);
  }
  for (const name of ["cwd", "root"]) {
    assert.equal(await stranger.does(`open 12 ${mount.path(target.pid, name)}/. ${O_RDONLY}`), "EACCES", name);
    assert.equal(await owner.does(`open 12 ${mount.path(target.pid, name)}/. ${O_RDONLY}`), "ok", name);
  }
  // Its memory is read elsewhere, piece by piece, and the calls are the same.
  const calls = readFileSync(mount.path(target.pid, "stack"), "latin1");
  assert.match(calls, /^#0 0x[0-9a-f]+ (?:__)?(?:clock_)?nanosleep/);
  assert.match(calls, / \(\/\S+\/sleep\)\n$/);
});
