import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const LINK = new URL("./thread-link.js", import.meta.url);

/** A process that has had an answer of its accountant's thread, which waits for descriptors now, and then does `act`. */
function processThat(act: string) {
  const program = `
    const { ThreadLink } = await import("${LINK}");
    const pulse = new Int32Array(new SharedArrayBuffer(8));
    const ignore = () => {};
    const link = new ThreadLink({ dir: undefined, pulse, keepsHistory: false, kept: [], policy: [] }, { ended: ignore, print: ignore, history: ignore, died: ignore });
    const { reserved } = await new Promise((settled, failed) => link.ask("swap").listen({ settled, failed }));
    process.stdout.write(String(reserved));
    ${act}`;
  const ran = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    timeout: 30_000,
  });
  return [ran.status, ran.signal, ran.stdout];
}

test("a thread that waits for work shows that it does, and who it is", () => {
  const shows = `
    const { existsSync } = await import("node:fs");
    while (pulse[0] % 2 !== 0) await new Promise((resolve) => setTimeout(resolve, 1));
    process.exit(pulse[0] > 1 && pulse[1] !== process.pid && existsSync("/proc/self/task/" + pulse[1]) ? 7 : 1);`;
  assert.deepEqual(processThat(shows), [7, null, "0"]);
  assert.deepEqual(processThat("await link.close(); process.exit(pulse[1])"), [0, null, "0"]);
});

test("a thread that waits in the kernel keeps nobody from ending", () => {
  assert.deepEqual(processThat("process.exit(3)"), [3, null, "0"]);
  assert.deepEqual(processThat(""), [0, null, "0"]);
  assert.deepEqual(processThat("await link.close()"), [0, null, "0"]);
  assert.deepEqual(processThat("await link.close(); process.exitCode = 4"), [4, null, "0"]);
});

test("what is asked of a thread that has ended fails, and says where to look", () => {
  const asks = `await link.close(); link.ask("check").listen({ settled() {}, failed: (error) => console.log(error.code) })`;
  assert.deepEqual(processThat(asks), [0, null, "0EIO\n"]);
});
