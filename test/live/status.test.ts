import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Agent, O_RDONLY, O_RDWR } from "../support/agent.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target } from "../support/target.ts";

let server: Server;
let historic: Server;
before(async () => {
  if (NEEDS_MOUNT.skip) return;
  server = await Server.start();
  historic = await Server.start("profile=1993");
});
after(async () => {
  await server?.[Symbol.asyncDispose]();
  await historic?.[Symbol.asyncDispose]();
});

const fields = (line: string): string[] => line.trimEnd().split(" ");

test("the line says what /proc says, field by field", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const line = readFileSync(server.path(target.pid, "status"), "latin1");
  assert.match(line, /^[^\n]*\n$/);
  const shown = fields(line);
  const pid = String(target.pid);
  assert.deepEqual(shown.slice(0, 7), ["sleeper", pid, String(process.pid), pid, pid, "-1,-1", "sldr"]);
  const age = Date.now() / 1000 - (Number(shown[7]) + Number(shown[8]) / 1e6);
  assert.ok(age > -1 && age < 30, `started ${age} s ago`);
  for (const usec of [shown[8], shown[10], shown[12]]) assert.match(usec!, /^(0|[1-9]\d{0,5})$/);
  assert.equal(shown[13], readFileSync(`/proc/${pid}/wchan`, "latin1"));
  assert.deepEqual(shown.slice(14, 17), ["0", "0", "0"]);
});

test("groups follow, the effective gid first again", NEEDS_MOUNT, () => {
  const script = `exec setpriv --reuid 31001 --regid 31002 --groups 31003,31004,31005 cat /proc/self/status`;
  const probe = spawnSync("sh", ["-c", script], { encoding: "utf8" });
  assert.match(probe.stdout, /^Groups:\t31003 31004 31005/m);
});

test("five groups make 21 fields", { ...NEEDS_MOUNT }, async () => {
  await using target = await Target.start("sleep", {
    path: "/usr/bin/setpriv",
    args: ["--reuid", "11", "--regid", "20", "--groups", "20,20,0,21,117", "sh", "-c", "echo ready; exec sleep 60"],
  });
  await target.prints("ready");
  const shown = fields(readFileSync(server.path(target.pid, "status"), "latin1"));
  const groups = target.field("Groups").trim().split(" ");
  assert.deepEqual(shown.slice(14), ["11", "20", "20", ...groups]);
  assert.equal(shown.length, 17 + groups.length);
});

test("a running process has no wait channel", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  assert.equal(fields(readFileSync(server.path(target.pid, "status"), "latin1"))[13], "nochan");
});

test("a hostile name stays one field; the 1993 profile prints it raw", NEEDS_MOUNT, async () => {
  await using agent = await Agent.start();
  const name = "a b\\c)\n\x01\xff(";
  await agent.does(`comm ${Buffer.from(name, "latin1").toString("hex")}`);
  const line = readFileSync(server.path(agent.pid, "status"), "latin1");
  assert.ok(line.startsWith(`a\\040b\\134c)\\012\\001\\377( ${agent.pid} `), line);
  assert.equal(fields(line)[1], String(agent.pid));
  assert.ok(readFileSync(historic.path(agent.pid, "status"), "latin1").startsWith(`${name} ${agent.pid} `));
});

test("a terminal shows as major,minor and as ctty", NEEDS_MOUNT, () => {
  const script = `import os, pty
pid, fd = pty.fork()
if pid == 0:
    os.execvp("sh", ["sh", "-c", "cat ${server.dir}/curproc/status; cat ${server.dir}/$$/status"])
out = b""
try:
    while True: out += os.read(fd, 4096)
except OSError: pass
print(out.decode().replace("\\r", ""), end="")`;
  const shown = spawnSync("python3", ["-c", script], { encoding: "utf8" }).stdout.split("\n");
  assert.match(fields(shown[0]!)[5]!, /^136,\d+$/);
  assert.equal(fields(shown[0]!)[6], "ctty");
  assert.equal(fields(shown[1]!)[6], "ctty,sldr");
});

test("the session is 0 when its leader has gone", NEEDS_MOUNT, () => {
  const script = `setsid sh -c '(sleep 0.2; exec cat ${server.dir}/curproc/status) & exit 0' | cat`;
  const shown = fields(spawnSync("sh", ["-c", script], { encoding: "utf8" }).stdout);
  assert.equal(shown[0], "cat");
  assert.equal(shown[4], "0");
});

test("reads are slices of one rendering", NEEDS_MOUNT, async () => {
  await using target = await Target.start("counter");
  await using agent = await Agent.start();
  await agent.open(11, server.path(target.pid, "status"), O_RDONLY);
  const whole = (await agent.read(11, 0, 4096)) as Buffer;
  assert.deepEqual(await agent.read(11, 2, 5), whole.subarray(2, 7));
  assert.deepEqual(await agent.read(11, whole.length, 10), Buffer.alloc(0));
  assert.deepEqual(await agent.read(11, whole.length + 1000, 10), Buffer.alloc(0));
  assert.deepEqual(await agent.read(11, 2n ** 62n, 10), Buffer.alloc(0));
  assert.equal(await agent.read(11, -1, 10), "EINVAL");
  assert.equal(await agent.open(12, server.path(target.pid, "status"), O_RDWR), "ok");
  assert.equal(await agent.write(12, "x"), "EOPNOTSUPP");
});
