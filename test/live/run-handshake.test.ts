/** A daemon killed while it takes on a command: the command runs under the next one, or is not started and says so. It never hangs. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Accounting, LYONNAIS } from "../support/limited.ts";
import { ROOT } from "../support/paths.ts";

const PROGRAM = join(ROOT, "dist", "test", "support", "dying-daemon.js");
const LINE =
  "lyonnais: run: the daemon ended before it had taken on the command, which was not started; run it again\n";

async function runUnder(t: TestContext, step: string): Promise<{ accounting: Accounting; code: number; said: string }> {
  const accounting = new Accounting(t);
  const daemon = spawn(process.execPath, [PROGRAM, step], {
    ...accounting.options,
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  await once(daemon.stdout!, "data");
  daemon.unref();
  const command = spawn(LYONNAIS, ["run", "-w", "512m", "--", "sh", "-c", "/bin/true && echo ran"], {
    ...accounting.options,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  t.after(() => command.kill("SIGKILL"));
  let said = "";
  for (const stream of [command.stdout!, command.stderr!]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  const killed = once(daemon, "exit");
  const [code] = (await once(command, "close")) as [number];
  // What it had open is closed before its end is told.
  assert.deepEqual(await killed, [null, "SIGKILL"]);
  return { accounting, code, said };
}

for (const [step, outcomes] of [
  ["asked", ["ran\n"]],
  ["taking", ["ran\n"]],
  ["answering", ["ran\n", LINE]],
  ["keeping", [LINE]],
  ["kept", [LINE]],
  ["given", ["ran\n"]],
] as const) {
  test(`killed when it is ${step}`, { timeout: 60_000 }, async (t) => {
    const { accounting, code, said } = await runUnder(t, step);
    assert.ok((outcomes as readonly string[]).includes(said), said);
    assert.equal(code, said === LINE ? 126 : 0);
    // And the next one is taken on.
    const { out, err } = accounting.run("-w", "512m", "--", "echo", "next");
    assert.deepEqual([out, err], ["next\n", ""]);
    assert.equal(await accounting.cat("accounts-check"), "");
  });
}
