/** What a client of the remote serial protocol meets: stops, interrupts, ends, and mistakes of its own. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import { NODE_FLAGS } from "../../src/app/node-flags.ts";
import { hostArch } from "../../src/host/linux/host-arch.ts";
import { daemonPlace } from "../support/daemon-place.ts";
import { GdbCommand } from "../support/gdb-command.ts";
import { NineServer } from "../support/nine-server.ts";
import { CLI } from "../support/paths.ts";
import { symbol } from "../support/programs.ts";
import { RspClient } from "../support/rsp-client.ts";
import { Target, until } from "../support/target.ts";

const LIVE = { skip: process.geteuid!() === 0 ? false : "needs root", timeout: 60_000 };

function scratch(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-test-"));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

/** The process is free, and runs. */
async function untilFree(target: Target): Promise<void> {
  await until(() => target.field("TracerPid") === "0", "let go");
  await until(() => !/^[tT]/.test(target.field("State")), "running");
}

/** A command for `target` and a client of it, without acknowledgements. */
async function begin(t: TestContext, target: Target, options: Parameters<typeof GdbCommand.start>[2] = {}) {
  const command = await GdbCommand.start(`unix:${join(scratch(t), "gdb")}`, [String(target.pid)], options);
  const client = new RspClient(await command.connect());
  assert.equal(await client.ask("QStartNoAckMode"), "OK");
  return {
    command,
    client,
    [Symbol.asyncDispose]: async () => {
      client.close();
      await command[Symbol.asyncDispose]();
      assert.equal(command.complaints, "");
    },
  };
}

const hexPid = (target: Target): string => target.pid.toString(16);

test("an interrupt stops it, a continue lets it run, a signal is reported and passed", LIVE, async (t) => {
  await using target = await Target.start("counter");
  await using session = await begin(t, target);
  const { client } = session;
  assert.match(await client.ask("?"), new RegExp(`^T00.*thread:${hexPid(target)};$`));
  client.send("vCont;c");
  await until(() => target.field("State").startsWith("R"), "running");
  client.raw("\x03");
  assert.match(await client.answer(), /^T02/);
  // What comes while it stands is nothing.
  client.raw("\x03");
  client.send("vCont;c");
  await until(() => target.field("State").startsWith("R"), "running");
  target.child.kill("SIGUSR1");
  assert.match(await client.answer(), /^T1e/);
  client.send("vCont;C1e:-1");
  assert.equal(await client.answer(), "X1e");
  assert.deepEqual(await target.exit(), { code: null, signal: "SIGUSR1" });
});

test("signals that are to be passed are not told", LIVE, async (t) => {
  await using target = await Target.start("debuggee");
  await using session = await begin(t, target);
  const { client } = session;
  assert.equal(await client.ask("QPassSignals:1e;7;97"), "OK");
  client.send("c");
  await until(() => target.field("State").startsWith("S"), "asleep");
  target.child.kill("SIGUSR1");
  await target.prints("handled\n");
  client.raw("\x03");
  assert.match(await client.answer(), /^T02/);
});

test("an exit is told with its code, and what comes then is refused", LIVE, async (t) => {
  await using target = await Target.start("counter");
  await using session = await begin(t, target);
  const { client } = session;
  assert.equal(await client.ask(`M${symbol(target.binary, "go").toString(16)},4:00000000`), "OK");
  assert.equal(await client.ask("vCont;c"), "W07");
  assert.equal(await client.ask("g"), "E03");
  assert.equal(await client.ask("?"), "W00");
});

test("a step, a range of steps, and the same by a thread's name", {
  ...LIVE,
  skip: hostArch().machine !== "x86_64",
}, async (t) => {
  await using target = await Target.start("counter");
  await using session = await begin(t, target);
  const { client } = session;
  const pc = async (): Promise<number> => {
    const digits = await client.ask("p10");
    return Number.parseInt(digits.match(/../g)!.reverse().join(""), 16);
  };
  const before = await pc();
  assert.match(await client.ask(`vCont;s:${hexPid(target)};c`), /^T05/);
  assert.notEqual(await pc(), before);
  const main = symbol(target.binary, "main");
  client.send(`vCont;r${main.toString(16)},${(main + 0x1000).toString(16)}:${hexPid(target)}`);
  client.raw("\x03");
  assert.match(await client.answer(), /^T02/);
  assert.match(await client.ask(`vCont;r0,1:${hexPid(target)}`), /^T05/);
});

test(
  "what is not known is answered by nothing, what is wrong by a number, and the session goes on",
  LIVE,
  async (t) => {
    await using target = await Target.start("sleeper");
    await using session = await begin(t, target);
    const { client } = session;
    for (const body of ["vMustReplyEmpty", "qXfer:nothing:read::0,1", "qNobody", "R00", "vFile:nothing:0", "b", ""])
      assert.equal(await client.ask(body), "", body);
    for (const [body, answer] of [
      ["m0,4", "E0e"],
      ["M0,1:00", "E0e"],
      ["mzz,4", "E16"],
      ["m1", "E16"],
      ["pffff", "E16"],
      ["p0;thread:1;", "E02"],
      ["T1", "E03"],
      ["vCont;x", "E16"],
      ["vCont;C7:1", "E16"],
      ["vAttach;1", "E.one process at a time: detach first"],
      ["vFile:close:7", "F-1,9"],
      ["vFile:open:2f,1,0", "F-1,1e"],
      ["G00zz", "E16"],
      ["qXfer:auxv:write::0:00", "E5f"],
    ] as const)
      assert.equal(await client.ask(body), answer, body);
    client.raw("$?#00");
    client.raw(`$${"m".repeat(200_000)}#00`);
    client.raw("noise\0\xff+-$");
    assert.match(await client.ask("?"), /^T00/);
  },
);

test("acknowledgements: a wrong checksum is asked for again, and an answer is sent again", LIVE, async (t) => {
  await using target = await Target.start("sleeper");
  const command = await GdbCommand.start(`unix:${join(scratch(t), "gdb")}`, [String(target.pid)]);
  await using _ending = command;
  const client = new RspClient(await command.connect());
  client.raw("$qC#00");
  client.raw("$qC#b4");
  assert.equal(await client.answer(), `QC${hexPid(target)}`);
  client.raw("-");
  assert.equal(await client.answer(), `QC${hexPid(target)}`);
  client.close();
  await untilFree(target);
  assert.equal(await command.ended(), 0);
});

test("the end of the connection lets it go, standing or running, with nothing written over it", LIVE, async (t) => {
  await using target = await Target.start("counter");
  const spin = symbol(target.binary, "main");
  for (const running of [false, true]) {
    await using session = await begin(t, target);
    const { client, command } = session;
    const before = await client.ask(`m${spin.toString(16)},4`);
    const trap = hostArch().machine === "x86_64" ? "cc" : "000020d4";
    assert.equal(await client.ask(`M${spin.toString(16)},${trap.length / 2}:${trap}`), "OK");
    if (running) client.send("vCont;c");
    client.close();
    assert.equal(await command.ended(), 0);
    await untilFree(target);
    await using again = await begin(t, target);
    assert.equal(await again.client.ask(`m${spin.toString(16)},4`), before);
  }
});

test("a debugger that has gone from the other end of the pipe leaves nothing behind", LIVE, async () => {
  await using target = await Target.start("counter");
  const main = symbol(target.binary, "main");
  const memory = (): Buffer => {
    const fd = openSync(`/proc/${target.pid}/mem`, "r");
    const bytes = Buffer.alloc(8);
    readSync(fd, bytes, 0, 8, main);
    closeSync(fd);
    return bytes;
  };
  const before = memory();
  const child = spawn(process.execPath, [...NODE_FLAGS, CLI, "gdb", String(target.pid)], { stdio: "pipe" });
  const client = new RspClient(Duplex.from({ readable: child.stdout, writable: child.stdin }));
  assert.equal(await client.ask("QStartNoAckMode"), "OK");
  const trap = hostArch().machine === "x86_64" ? "cc" : "000020d4";
  assert.equal(await client.ask(`M${main.toString(16)},${trap.length / 2}:${trap}`), "OK");
  assert.notDeepEqual(memory(), before);
  child.stdout.destroy();
  child.stdin.write("$?#3f");
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
  await untilFree(target);
  assert.deepEqual(memory(), before);
});

test("a command that is killed leaves the process running: alone, by a daemon, over 9P", LIVE, async (t) => {
  await using target = await Target.start("counter");
  const { dir, run } = daemonPlace(t);
  assert.equal(run("daemon").code, 0);
  await using server = await NineServer.start(`unix:${join(dir, "9p")}`);
  for (const options of [{}, { env: { LYONNAIS_RUNTIME_DIR: join(dir, "run") } }, { before: ["-r", server.address] }]) {
    for (const running of [false, true]) {
      const command = await GdbCommand.start(`unix:${join(scratch(t), "gdb")}`, [String(target.pid)], options);
      const client = new RspClient(await command.connect());
      assert.match(await client.ask("?"), /^T00/);
      if (running) client.send("vCont;c");
      command.child.kill("SIGKILL");
      await command.ended();
      await untilFree(target);
    }
  }
});

test("kill ends the process; detach lets it go, and another one can be attached", LIVE, async (t) => {
  await using target = await Target.start("sleeper");
  await using other = await Target.start("sleeper");
  const command = await GdbCommand.start(`unix:${join(scratch(t), "gdb")}`, []);
  await using _ending = command;
  const client = new RspClient(await command.connect());
  assert.match(await client.ask("qSupported:multiprocess+"), /;multiprocess\+/);
  assert.equal(await client.ask("?"), "W00");
  assert.match(
    await client.ask(`vAttach;${hexPid(target)}`),
    new RegExp(`thread:p${hexPid(target)}.${hexPid(target)};`),
  );
  assert.equal(await client.ask(`D;${hexPid(target)}`), "OK");
  await untilFree(target);
  assert.match(await client.ask(`vAttach;${hexPid(other)}`), /^T00/);
  assert.equal(await client.ask(`vKill;${hexPid(other)}`), "OK");
  assert.deepEqual(await other.exit(), { code: null, signal: "SIGKILL" });
});

test("who may not debug it is told so, in one line", LIVE, async () => {
  await using target = await Target.start("sleeper");
  const command = await GdbCommand.start("tcp:127.0.0.1:0", ["999999999"]);
  const socket = await command.connect();
  socket.resume();
  assert.equal(await command.ended(), 1);
  assert.match(command.complaints, /^lyonnais: gdb 999999999: ENOENT: [^\n]*\n$/);
  for (const [address, said] of [
    ["tcp:0.0.0.0:0", /EPERM: tcp:0\.0\.0\.0:0 would let anybody in: say tcp:127\.0\.0\.1:PORT or unix:PATH/],
    ["tls:127.0.0.1:0", /EPERM/],
    ["nowhere:", /EINVAL/],
  ] as const)
    await assert.rejects(GdbCommand.start(address, [String(target.pid)]), said);
});

test("a client of another user is refused on the loopback, and this user's next is served", LIVE, async () => {
  await using target = await Target.start("sleeper");
  const command = await GdbCommand.start("tcp:127.0.0.1:0", [String(target.pid)]);
  const script = `require("net").connect(${command.port}, "127.0.0.1").on("close", () => process.exit(0)).on("error", () => process.exit(0))`;
  await using stranger = await Target.start("stranger", { path: process.execPath, args: ["-e", script], uid: 61001 });
  await stranger.exit();
  await until(() => /^lyonnais: gdb: EACCES: a client of uid 61001 came[^\n]*\n$/.test(command.complaints), "told");
  assert.equal(target.field("TracerPid"), "0");
  const socket = await command.connect();
  socket.resume();
  await until(() => target.field("TracerPid") !== "0", "taken");
  socket.destroy();
  assert.equal(await command.ended(), 0);
});
