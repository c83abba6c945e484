/** Whole sessions of stock gdb and lldb, by every way that there is to a tree. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { certificates } from "../support/certificates.ts";
import { daemonPlace } from "../support/daemon-place.ts";
import { gdb, runApart, viaUs } from "../support/gdb.ts";
import { GdbCommand } from "../support/gdb-command.ts";
import { NineServer } from "../support/nine-server.ts";
import { program } from "../support/programs.ts";
import { Server } from "../support/server.ts";
import { Target, until } from "../support/target.ts";

const LIVE = { skip: process.geteuid!() === 0 ? false : "needs root", timeout: 300_000 };

function scratch(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-test-"));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

/** Whether `text` has these, in this order. */
function assertSays(text: string, patterns: readonly RegExp[], rest: string): void {
  let at = 0;
  for (const pattern of patterns) {
    const found = new RegExp(pattern, `${pattern.flags.replace("g", "")}g`);
    found.lastIndex = at;
    const match = found.exec(text);
    assert.ok(match, `${pattern} is not in\n${text.slice(at)}\n${rest}`);
    at = match.index + match[0].length;
  }
}

/** What makes a test give the program a line to work on: it waits for one until then. */
const GO = "echo [[go]]\\n";

/** gdb's commands on `debuggee`, and what each says. */
const SESSION: readonly (readonly [command: string, ...said: RegExp[]])[] = [
  ["break inner"],
  [GO],
  ["continue", /Breakpoint 1, inner \(value=\S*1\)/],
  ["backtrace 3", /#0 +inner \(value=\S*1\).*\n#1 .*outer \(count=\S*3\).*\n#2 .*main/],
  ["finish", /outer \(count=\S*3\)/, /Value returned is \$1 = 1/],
  ["continue", /Breakpoint 1, inner \(value=\S*2\)/],
  ["print watched", /= 1\n/],
  ["set var watched = 100"],
  ["next", /\d+\t/],
  ["stepi"],
  ["info breakpoints", /breakpoint already hit 2 times/],
  ["delete"],
  ["watch watched", /Hardware watchpoint 2: watched/],
  ["continue", /Hardware watchpoint 2: watched\s+Old value = 102\s+New value = 105/],
  ["delete"],
  ["print inner(5)", /= 110\n/],
  ["detach", /detached/],
];

/** A line is given to `target` when the debugger says so. */
function givesLine(target: Target): (out: string) => void {
  let given = false;
  return (out) => {
    if (given || !out.includes("[[go]]")) return;
    given = true;
    target.child.stdin!.write("3\n");
  };
}

async function wholeSession(target: Target, connect: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const hears = givesLine(target);
  const { out, err } = await gdb([connect, ...SESSION.map(([command]) => command)], { env, hears });
  assertSays(
    out,
    SESSION.flatMap(([, ...said]) => said),
    err,
  );
  // 1, then 102 from the 100 that was set, and 110 because the call has added 5 before the last one returned.
  await target.prints("sum ");
  assert.match(target.output, /sum 213\n/);
  assert.equal(target.field("TracerPid"), "0");
}

test("gdb: breakpoints, finish, next, stepi, a watchpoint, a changed variable, a call, detach", LIVE, async () => {
  await using target = await Target.start("debuggee");
  await wholeSession(target, viaUs(target.pid));
});

test("the same by the daemon, through a mount, over 9P, and over TLS as an ordinary uid", LIVE, async (t) => {
  const { dir, run } = daemonPlace(t);
  assert.equal(run("daemon").code, 0);
  const env = { LYONNAIS_RUNTIME_DIR: join(dir, "run") };
  {
    await using target = await Target.start("debuggee");
    await wholeSession(target, viaUs(target.pid), env);
  }
  {
    await using server = await Server.start();
    await using target = await Target.start("debuggee");
    await wholeSession(target, viaUs(server.path(target.pid)));
  }
  {
    await using server = await NineServer.start(`unix:${join(dir, "9p")}`);
    await using target = await Target.start("debuggee");
    await wholeSession(target, viaUs(target.pid, "-r", server.address));
  }
  const keys = scratch(t);
  certificates(keys);
  await writeFile(
    join(keys, "server.toml"),
    `cert = "server.pem"\nkey = "server.key"\nca = "ca.pem"\n[clients]\nalice = { uid = 61001, gid = 61001 }\n`,
  );
  const mine = join(keys, "alice.toml");
  await writeFile(mine, `cert = "alice.pem"\nkey = "alice.key"\nca = "ca.pem"\nservername = "server"\n`);
  await using server = await NineServer.start("tls:127.0.0.1:0", "--tls", join(keys, "server.toml"));
  await using target = await Target.start("debuggee", { uid: 61001 });
  await wholeSession(target, viaUs(target.pid, "-r", server.address, "--tls", mine));
  await using roots = await Target.start("debuggee");
  const refused = await gdb([viaUs(roots.pid, "-r", server.address, "--tls", mine)]);
  assert.match(refused.out + refused.err, /lyonnais: gdb \d+: EACCES/);
});

test("gdb: threads that come to a breakpoint one after the other", LIVE, async () => {
  await using target = await Target.start("debuggee", { args: ["3"] });
  const hits = ["continue", "print number", "continue", "print number", "continue", "print number"];
  const { out, err } = await gdb(
    [viaUs(target.pid), "break worker", GO, ...hits, "info threads", "thread apply all backtrace 1", "continue"],
    { hears: (text) => text.includes("[[go]]") && target.child.stdin!.end() },
  );
  const numbers = [...out.matchAll(/^\$\d+ = (\d)$/gm)].map(([, number]) => number);
  assert.deepEqual(numbers.sort(), ["1", "2", "3"], out + err);
  assertSays(out, [/Thread \d+\.\d+ "debuggee"/, /exited with code 03/], err);
  assert.deepEqual(await target.exit(), { code: 3, signal: null });
});

test("gdb: a signal is shown, passed, and the handler runs", LIVE, async () => {
  await using target = await Target.start("debuggee");
  const raise = `shell kill -USR1 ${target.pid}`;
  const { out, err } = await gdb([
    viaUs(target.pid),
    raise,
    "continue",
    "break handler",
    "continue",
    "backtrace 2",
    "delete",
    "detach",
  ]);
  assertSays(out, [/received signal SIGUSR1/, /Breakpoint 1, handler/, /#1 +<signal handler called>/, /detached/], err);
  await target.prints("handled\n");
});

test("gdb: an exec is followed, and a breakpoint is one of the new program", LIVE, async () => {
  await using target = await Target.start("execs-on-usr1", { args: [program("debuggee")] });
  const raise = `shell kill -USR1 ${target.pid}`;
  const commands = ["handle SIGUSR1 nostop noprint pass", "catch exec", raise, "continue", "break main", "continue"];
  const { out, err } = await gdb([viaUs(target.pid), ...commands, "backtrace 1", "detach"]);
  assertSays(
    out,
    [/is executing new program: .*debuggee/, /Catchpoint 1 \(exec'd .*debuggee\)/, /Breakpoint 2, main/, /#0 +main/],
    err,
  );
  await until(() => target.field("Name") === "debuggee" && target.field("TracerPid") === "0", "let go");
});

test("gdb: python3, and what it loads", LIVE, async () => {
  await using target = await Target.start("python3", {
    path: "/usr/bin/python3",
    args: ["-c", "import time, _ssl\nwhile True: time.sleep(60)"],
  });
  const { out, err } = await gdb([viaUs(target.pid), "info sharedlibrary", "backtrace -3", "detach"]);
  assertSays(out, [/libc\.so\.6/, /_start/, /detached/], err);
});

test("lldb: attach, backtrace, breakpoints, finish, registers, memory, an expression, detach", LIVE, async () => {
  await using target = await Target.start("debuggee");
  await using command = await GdbCommand.start("tcp:127.0.0.1:0", [String(target.pid)]);
  const commands = [
    `gdb-remote ${command.port}`,
    "breakpoint set --name inner",
    "platform shell echo [[go]]",
    "continue",
    "thread backtrace",
    "register read rip",
    "finish",
    "expression watched = 100",
    "memory read --size 8 --count 1 --format d &watched",
    "breakpoint delete --force",
    "thread list",
    "detach",
  ];
  const args = commands.flatMap((text) => ["-o", text]);
  const { out, err } = await runApart("lldb", ["--no-lldbinit", "-b", ...args], { hears: givesLine(target) });
  assertSays(
    out,
    [
      /stop reason = breakpoint 1\.1/,
      /inner\(value=1\)/,
      /outer\(count=3\)/,
      /rip = 0x/,
      /stop reason = step out/,
      /\$\d+ = 100/,
      /: 100/,
      /detached/,
    ],
    err,
  );
  await target.prints("sum ");
  // 1, then 102 and 105.
  assert.match(target.output, /sum 208\n/);
  assert.equal(await command.ended(), 0);
  assert.equal(target.field("TracerPid"), "0");
});
