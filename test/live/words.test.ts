import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { SIGNAL_WORDS } from "../../src/core/procfs/ctl/signals.ts";
import { Agent, O_RDONLY, O_RDWR, O_WRONLY } from "../support/agent.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target } from "../support/target.ts";

let server: Server;
let historic: Server;
let agent: Agent;
before(async () => {
  if (NEEDS_MOUNT.skip) return;
  server = await Server.start();
  historic = await Server.start("profile=1993");
  agent = await Agent.start();
});
after(async () => {
  await agent?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  await historic?.[Symbol.asyncDispose]();
});

const REFUSED = [
  " hup",
  "HUP",
  "SIGHUP",
  "hup hup",
  "1",
  "cld",
  "poll",
  "emt",
  "info",
  "",
  "\n",
  "attach\0x",
  "Attach",
];

test("words that are none are EOPNOTSUPP and change nothing", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  for (const node of ["ctl", "note", "notepg"]) {
    assert.equal(await agent.open(11, server.path(target.pid, node), O_WRONLY), "ok");
    for (const word of REFUSED) {
      // An empty write(2) never leaves the kernel.
      const expected = word === "" ? "ok" : "EOPNOTSUPP";
      assert.equal(await agent.write(11, word), expected, `${node} ${JSON.stringify(word)}`);
    }
  }
  for (const node of ["note", "notepg"]) {
    assert.equal(await agent.writes(server.path(target.pid, node), "attach"), "EOPNOTSUPP");
  }
  server.write(target.pid, "note", "usr1");
  await target.prints("usr1\n");
  assert.equal(target.output, "ready\nusr1\n");
  assert.equal(target.field("TracerPid"), "0");
});

test(
  "trailing white space is trimmed; 64 bytes are the limit, 4096 for ctl; an offset is EINVAL",
  NEEDS_MOUNT,
  async () => {
    await using target = await Target.start("sleeper");
    const ctl = server.path(target.pid, "ctl");
    assert.equal(await agent.writes(ctl, "usr1 \t\n\n"), "ok");
    await target.prints("usr1\n");
    assert.equal(await agent.writes(ctl, `usr1${" ".repeat(60)}`), "ok");
    for (const node of ["ctl", "note", "notepg"]) {
      assert.equal(
        await agent.writes(server.path(target.pid, node), "x".repeat(node === "ctl" ? 4097 : 65)),
        "EMSGSIZE",
        node,
      );
      assert.equal(await agent.open(11, server.path(target.pid, node), O_WRONLY), "ok");
      assert.equal(await agent.write(11, "hup", 1), "EINVAL", node);
      assert.equal(await agent.write(11, "hup", 2 ** 40), "EINVAL", node);
    }
  },
);

test("several words on one descriptor, each behind the other, and appended", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const hex = (text: string): string => Buffer.from(text).toString("hex");
  await agent.open(11, server.path(target.pid, "ctl"), O_WRONLY);
  for (const word of ["attach\n", "wait\n", "step\n", "detach\n"]) {
    assert.equal(await agent.raw(`append 11 ${hex(word)}`), `ok ${word.length}`);
  }
  writeFileSync(server.path(target.pid, "note"), "usr1\n", { flag: "a" });
  writeFileSync(server.path(target.pid, "note"), "usr2\n", { flag: "a" });
  await target.prints("usr2\n");
});

test("the 1993 profile: 8 bytes, one newline, NUL ends the word", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  const ctl = historic.path(target.pid, "ctl");
  assert.equal(await agent.writes(ctl, "123456789"), "EMSGSIZE");
  assert.equal(await agent.writes(ctl, "12345678"), "EOPNOTSUPP");
  assert.equal(await agent.writes(ctl, "detach\n\n"), "EOPNOTSUPP");
  assert.equal(await agent.writes(ctl, "detach\n"), "ok");
  assert.equal(await agent.writes(ctl, "usr1 "), "EOPNOTSUPP");
  assert.equal(await agent.writes(ctl, "usr1\0abc"), "ok");
  await target.prints("usr1\n");
});

test("every signal name that the host has is accepted and sent by name", NEEDS_MOUNT, async () => {
  for (const word of SIGNAL_WORDS) {
    await using target = await Target.start("sleep", { path: "/bin/sleep", args: ["60"] });
    const answer = await agent.writes(server.path(target.pid, "note"), `${word}\n`);
    if (word === "emt" || word === "info") {
      assert.equal(answer, "EOPNOTSUPP", word);
      continue;
    }
    assert.equal(answer, "ok", word);
    const ignored = ["urg", "cont", "chld", "winch", "stop", "tstp", "ttin", "ttou"];
    if (!ignored.includes(word)) {
      const host = { iot: "SIGABRT" }[word] ?? `SIG${word.toUpperCase()}`;
      assert.equal((await target.exit()).signal, host);
    }
  }
});

test("notepg reaches every member of the process group and nobody else", NEEDS_MOUNT, async () => {
  const script = `trap 'echo one; exit' USR1; (trap 'echo two; exit' USR1; echo in; while :; do sleep 0.01; done) & echo out; while :; do sleep 0.01; done`;
  await using group = await Target.start("sh", { path: "/bin/sh", args: ["-c", script] });
  await using bystander = await Target.start("sleeper");
  await group.prints("in\n");
  await group.prints("out\n");
  server.write(group.pid, "notepg", "usr1");
  await group.prints("one\n");
  await group.exit();
  server.write(bystander.pid, "note", "hup");
  await bystander.prints("hup\n");
  assert.equal(bystander.output, "ready\nhup\n");
});

test("reading ctl is EOPNOTSUPP, a note EINVAL", NEEDS_MOUNT, async () => {
  await using target = await Target.start("sleeper");
  for (const [node, answer] of [
    ["ctl", "EOPNOTSUPP"],
    ["note", "EINVAL"],
    ["notepg", "EINVAL"],
  ] as const) {
    assert.equal(await agent.open(11, server.path(target.pid, node), O_RDWR), "ok");
    assert.equal(await agent.read(11, 0, 10), answer, node);
  }
  assert.throws(() => readFileSync(server.path(target.pid, "ctl")), { code: "ENOTSUP" });
  assert.equal(await agent.open(12, server.path(target.pid, "status"), O_RDONLY), "ok");
});
