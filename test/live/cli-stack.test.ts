/** `lyonnais bt` and `lyonnais regs`, as a person and a script use them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { paintFor } from "../../src/cli/paint.ts";
import { paintStackLine, parseStackLine } from "../../src/cli/stack-line.ts";
import { CLI } from "../support/paths.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target, until } from "../support/target.ts";

function lyonnais(args: readonly string[], cwd = "/"): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
    encoding: "latin1",
    timeout: 30_000,
    cwd,
  });
  return { code: status, out: stdout, err: stderr };
}

test("bt prints the calls, to a pipe without colours, and as JSON", async () => {
  await using target = await Target.start("frames", { args: ["spin"] });
  const { code, out } = lyonnais(["bt", String(target.pid)]);
  assert.equal(code, 0);
  assert.match(out, /^#0 0x[0-9a-f]+ spin\+0x[0-9a-f]+ frames\.c:\d+ \(\S+\/frames\)\n#1 0x[0-9a-f]+ main\+/);
  assert.ok(!out.includes("\x1b"));
  const calls = JSON.parse(lyonnais(["bt", "--json", String(target.pid)]).out);
  assert.deepEqual(
    [calls[0].number, calls[0].symbol, calls[0].file, calls[0].module, calls[1].symbol],
    [0, "spin", "frames.c", target.binary, "main"],
  );
});

test("bt --threads prints the calls of every thread, and as JSON", async () => {
  await using target = await Target.start("threads", { args: ["3"] });
  const tids = readdirSync(`/proc/${target.pid}/task`).map(Number);
  const { code, out, err } = lyonnais(["bt", "--threads", String(target.pid)]);
  assert.deepEqual([code, err], [0, ""]);
  const headings = [...out.matchAll(/^thread (\d+)\n#0 0x[0-9a-f]+ count\+/gm)].map(([, tid]) => Number(tid));
  assert.deepEqual(headings.sort(), tids.sort());
  const threads = JSON.parse(lyonnais(["bt", "-a", "--json", String(target.pid)]).out);
  assert.deepEqual(threads.map(({ tid }: { tid: number }) => tid).sort(), tids);
  for (const { calls } of threads) assert.equal(calls[0].symbol, "count");
  assert.match(lyonnais(["bt", "-a", "999999999"]).err, /^lyonnais: [^\n]*ENOENT[^\n]*\n$/);
});

test("regs prints the registers, and as JSON", async () => {
  await using target = await Target.start("frames", { args: ["spin"] });
  const { code, out } = lyonnais(["regs", String(target.pid)]);
  assert.equal(code, 0);
  assert.match(out, /^rip +0x0000[0-9a-f]{12}$/m);
  assert.match(JSON.parse(lyonnais(["regs", "--json", String(target.pid)]).out).rsp, /^0x7ff[0-9a-f]{9}$/);
});

test("stop with a pid prints why it is stopped, and as JSON", async () => {
  await using target = await Target.start("sleeper");
  const pid = String(target.pid);
  assert.deepEqual(lyonnais(["stop", pid]), { code: 0, out: "running\n", err: "" });
  target.child.kill("SIGSTOP");
  await until(() => target.field("State").startsWith("T"), "stopped");
  assert.deepEqual(JSON.parse(lyonnais(["stop", "--json", pid]).out), { why: "stopped", words: [] });
  assert.match(lyonnais(["stop", "--force", pid]).err, /^lyonnais: stop \d+: EINVAL: --force is for the daemon\n$/);
  assert.match(lyonnais(["-r", "tcp:127.0.0.1:1", "stop"]).err, /^lyonnais: stop: EINVAL: only this user's own daemon/);
});

test("what has to wait for a running process to be held is waited for", async () => {
  await using target = await Target.start("frames", { args: ["spin"] });
  for (let i = 0; i < 8; i++) assert.equal(lyonnais(["cat", `${target.pid}/regs`]).out.length, 216);
});

test("within a mount bt is about the process whose directory it is in", NEEDS_MOUNT, async () => {
  await using server = await Server.start();
  await using target = await Target.start("frames", { args: ["spin"] });
  assert.match(lyonnais(["bt"], server.path(target.pid)).out, /^#0 \S+ spin\+/);
  assert.match(lyonnais(["bt", server.path(target.pid)]).out, /^#0 \S+ spin\+/);
});

test("what is wrong is one line and exit code 1", () => {
  for (const args of [["bt", "999999999"], ["bt"], ["regs", "nobody"]]) {
    const { code, err } = lyonnais(args);
    assert.equal(code, 1, args.join(" "));
    assert.match(err, /^lyonnais: [^\n]*ENOENT[^\n]*\n$/);
  }
});

test("colours are for terminals whose user wants them", () => {
  const line = "#1 0x401136 leaf+0x16 counter.c:12 (/a\\040b)";
  assert.equal(paintStackLine(line, paintFor({ isTTY: false }, {})), line);
  assert.equal(paintStackLine(line, paintFor({ isTTY: true }, { NO_COLOR: "1" })), line);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  assert.match(paintStackLine(line, paintFor({ isTTY: true }, {})), /\x1b\[1mleaf\x1b/);
  assert.deepEqual(parseStackLine(line), {
    number: 1,
    pc: "0x401136",
    symbol: "leaf",
    offset: 22,
    file: "counter.c",
    line: 12,
    module: "/a b",
  });
  assert.deepEqual(parseStackLine("#0 0x0 ??"), { number: 0, pc: "0x0" });
});
