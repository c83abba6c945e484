import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { ARCHES } from "./all.ts";
import { callName, callNumber } from "./call-names.ts";

test("system calls have the names of this machine's C headers, and nothing else has one", () => {
  const arch = ARCHES.find(({ nodeArch }) => nodeArch === process.arch)!;
  const { stdout } = spawnSync("cc", ["-E", "-dM", "-include", "asm/unistd.h", "-x", "c", "/dev/null"], {
    encoding: "latin1",
  });
  let seen = 0;
  for (const [, name, number] of stdout.matchAll(/^#define __NR_([a-z0-9_]+) ([0-9]+)$/gm)) {
    if (name === "syscalls") continue;
    assert.equal(callNumber(arch, name!), Number(number), name);
    assert.equal(callName(arch, Number(number)), name);
    seen++;
  }
  assert.ok(seen > 300, `${seen}`);
  assert.equal(callNumber(arch, "nothing"), undefined);
  assert.equal(callName(arch, 9999), "9999");
});
