import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const MODULES = new URL("./", import.meta.url);

/** In a process of its own, which has at most 64 descriptors. */
function inSmallProcess(script: string): string {
  const program = `
    const { holdReserve, openForReading, refillReserve } = await import("${MODULES}descriptor-reserve.js");
    const { libcClose, libcOpen } = await import("${MODULES}ffi/libc.js");
    const AT_FDCWD = -100;
    const opens = () => openForReading(AT_FDCWD, "/proc/self/statm");
    const fill = () => { const all = []; for (let fd = 0; (fd = libcOpen("/dev/null", 0, 0)) >= 0; ) all.push(fd); return all; };
    ${script}`;
  const args = ["-c", 'ulimit -n 64 && exec "$@"', "sh", process.execPath, "--input-type=module", "-e", program];
  const ran = spawnSync("sh", args, { encoding: "utf8" });
  assert.equal(ran.stderr, "");
  return ran.stdout;
}

test("who holds a reserve opens files when there are no descriptors left, and takes it again when there are", () => {
  const said = inSmallProcess(`
    holdReserve(2);
    const all = fill();
    const found = [opens(), opens(), opens()].map((fd) => fd >= 0);
    all.slice(0, 2).forEach((fd) => libcClose(fd));
    refillReserve();
    fill();
    console.log(...found, opens() >= 0);`);
  assert.equal(said, "true true false true\n");
});

test("who holds none finds none", () => {
  assert.equal(inSmallProcess(`fill(); console.log(opens());`), "-1\n");
});
