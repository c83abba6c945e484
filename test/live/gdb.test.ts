/** Stock gdb on the files of a process: what it says is what it says when it is attached itself. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { daemonPlace } from "../support/daemon-place.ts";
import { answers, gdb, marked, viaUs } from "../support/gdb.ts";
import { Target, type TargetOptions } from "../support/target.ts";

const ROOT_ONLY = { skip: process.geteuid!() === 0 ? false : "needs root", timeout: 300_000 };

/** Nothing of a debugger is left at the process, and it runs. */
function assertFree(target: Target): void {
  assert.equal(target.field("TracerPid"), "0");
  assert.doesNotMatch(target.field("State"), /^[tTZ]/);
}

/** What gdb says to these commands, attached by itself and through us, to the same process. */
async function compare(target: Target, commands: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  const own = await gdb([`attach ${target.pid}`, ...marked(commands), "detach"]);
  assertFree(target);
  const ours = await gdb([viaUs(target.pid), ...marked(commands), "detach"], { env });
  assertFree(target);
  const said = answers(ours.out);
  assert.equal(said.length, commands.length, ours.err);
  for (const [i, answer] of answers(own.out).entries())
    assert.equal(normal(said[i]!), normal(answer), `${commands[i]}\n${ours.err}`);
}

/**
 * A remote thread is told by both numbers, a local one by the library's and the kernel's; files by how they were got. Masks and vectors
 * longer than 128 bits are not in the tree, and halves of numbers are not in the description: older debuggers would refuse it.
 */
function normal(text: string): string {
  return text
    .replaceAll("target:", "")
    .replace(/Thread \d+\.(\d+)/g, "Thread $1")
    .replace(/Thread 0x[0-9a-f]+ \(LWP (\d+)\)/g, "Thread $1")
    .replace(/process (\d+)/g, "Thread $1")
    .replace(/"[^"\n]*" +/g, "")
    .replace(/\nk[0-7] +0x.*/g, "")
    .replace(/v8_(bfloat16|half) = \{[^}]*\}, /g, "")
    .replace(/ +/g, " ");
}

const LOOKS = [
  "bt",
  "info registers",
  "info all-registers st0 st1 ftag fctrl fop xmm0 xmm15 mxcsr",
  "x/16i $pc",
  "x/64xb $sp",
  "info auxv",
  "info symbol $pc",
];

const SUBJECTS: readonly (readonly [string, string, TargetOptions])[] = [
  ["a stack of calls", "frames", { args: ["deep", "5"] }],
  ["a signal handler", "frames", { args: ["signal"] }],
];

for (const [what, name, options] of SUBJECTS) {
  test(
    `${what}: stack, registers, memory and the auxiliary vector are those that gdb sees itself`,
    ROOT_ONLY,
    async () => {
      await using target = await Target.start(name, options);
      await compare(target, LOOKS);
    },
  );
}

test("threads: each one, its name and its stack", ROOT_ONLY, async () => {
  await using target = await Target.start("idle-threads", { args: ["3"] });
  await compare(target, ["info threads", "thread apply all bt 3"]);
});

test("by a daemon: control ends with the command, and the process runs on", ROOT_ONLY, async (t: TestContext) => {
  const { dir, run } = daemonPlace(t);
  assert.equal(run("daemon").code, 0);
  await using target = await Target.start("frames", { args: ["deep", "2"] });
  await compare(target, ["bt"], { LYONNAIS_RUNTIME_DIR: `${dir}/run` });
});
