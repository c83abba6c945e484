/** Programs without glibc as targets: static ones by musl, as Alpine's busybox is. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { open } from "node:fs/promises";
import { test } from "node:test";
import { hostArch } from "../../src/host/linux/host-arch.ts";
import { Accounting } from "../support/limited.ts";
import { muslProgram, symbol } from "../support/programs.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target } from "../support/target.ts";

const NEEDS_MUSL = {
  ...NEEDS_MOUNT,
  skip:
    NEEDS_MOUNT.skip ||
    (spawnSync("musl-gcc", ["--version"]).status === 0 ? false : "needs musl-gcc (Debian package musl-tools)"),
};

test("run refuses a program of musl memory, and it goes on", NEEDS_MUSL, async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "32m"], [muslProgram("memory-words")]);
  assert.equal(await words.ask("map 17000 3"), "ENOMEM");
  await words.do("map 1000 3");
  assert.equal(await words.ask("brk 17000"), "ENOMEM");
  assert.equal((await place.reserved()) >= 1000, true);
  assert.equal(await place.cat("accounts-check"), "");
});

test("a program of musl is attached, stepped, read and changed", NEEDS_MUSL, async () => {
  await using server = await Server.start();
  const binary = muslProgram("counter");
  await using target = await Target.start("counter", { path: binary });
  await target.prints("ready\n");
  await server.stop(target.pid);
  const arch = hostArch();
  const pc = (): bigint => server.regs(target.pid).readBigUInt64LE(8 * arch.registers.indexOf(arch.programCounter));
  const before = pc();
  server.ctl(target.pid, "step");
  await server.ctlLater(target.pid, "wait");
  assert.notEqual(pc(), before);
  const mem = await open(server.path(target.pid, "mem"), "r+");
  await mem.write(Buffer.from("after\0"), 0, 6, symbol(binary, "text"));
  await mem.write(Buffer.alloc(4), 0, 4, symbol(binary, "go"));
  await mem.close();
  server.ctl(target.pid, "detach");
  await target.prints("text after\n");
});

test("a static busybox counts below its limit and is refused beyond it", async (t) => {
  const place = new Accounting(t);
  assert.deepEqual(place.run("-w", "64m", "--", "/bin/busybox", "echo", "fits"), {
    code: 0,
    signal: null,
    out: "fits\n",
    err: "",
  });
  const refused = place.run(
    "-w",
    "64m",
    "--",
    "/bin/busybox",
    "dd",
    "if=/dev/zero",
    "of=/dev/null",
    "bs=100M",
    "count=1",
  );
  assert.notEqual(refused.code, 0);
  assert.match(refused.err, /out of memory/);
});
