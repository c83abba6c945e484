/** What a hostile tree says, on a terminal and elsewhere. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { memoryFileSystem } from "../../src/core/vfs/memory.ts";
import { listenNinep } from "../../src/host/serve/ninep-listen.ts";
import { ROOT } from "../support/paths.ts";

const BELL = "\x1b]0;owned\x07";
/** No regular expression sees one of these in what a terminal gets: ESC, BEL, BS. */
const ACTS = ["\x1b", "\x07", "\b"];

/** A server of ours that says what it likes. */
async function hostile(t: TestContext): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-test-"));
  const path = join(dir, "9p");
  const fs = memoryFileSystem({ text: `said ${BELL}\n`, [`na${BELL}me`]: "x", link: { link: `to ${BELL}` } });
  const server = await listenNinep(
    { kind: "unix", path },
    { control: "connection", attach: () => fs, onBug: () => {} },
  );
  t.after(async () => {
    await server.close();
    rmSync(dir, { recursive: true });
  });
  return `unix:${path}`;
}

/** The output of a command, of which all is a terminal, or nothing. */
async function output(terminal: boolean, input: string, ...args: string[]): Promise<string> {
  const command = [join(ROOT, "bin", "lyonnais"), ...args];
  const [file, ...rest] = terminal
    ? ["script", "-qec", command.map((word) => `'${word}'`).join(" "), "/dev/null"]
    : command;
  const child = spawn(file!, rest, { stdio: ["pipe", "pipe", "pipe"], timeout: 20_000 });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("latin1").on("data", (part: string) => {
      text += part;
    });
  }
  child.stdin.end(input);
  await once(child, "close");
  return text;
}

const skip = spawnSync("script", ["--version"]).error ? "needs script(1)" : false;

test("on a terminal nothing acts on it; elsewhere every byte is as it was", { skip, timeout: 60_000 }, async (t) => {
  const address = await hostile(t);
  const cases: readonly (readonly string[])[] = [
    ["cat", "text"],
    ["ls", "/"],
    ["ls", "-l", "/"],
  ];
  for (const command of cases) {
    const raw = await output(false, "", "-r", address, ...command);
    assert.ok(raw.includes(BELL), `${command}: ${JSON.stringify(raw)}`);
    const shown = await output(true, "", "-r", address, ...command);
    assert.ok(shown.includes("\\033]0;owned\\007"), `${command}: ${JSON.stringify(shown)}`);
    for (const c of ACTS) assert.ok(!shown.includes(c), `${command}: ${JSON.stringify(shown)}`);
  }
});

test("errors are one line that does nothing, on a terminal or not; so is the shell", {
  skip,
  timeout: 60_000,
}, async (t) => {
  const address = await hostile(t);
  for (const terminal of [false, true]) {
    const said = await output(terminal, "", "-r", address, "cat", BELL);
    assert.ok(!said.includes("\x1b") && said.includes("\\033]0;owned\\007"), JSON.stringify(said));
  }
  const script = await output(false, `cat ${BELL}\n`, "-r", address, "shell");
  assert.ok(!script.includes("\x1b") && /^lyonnais: .*line 1/.test(script), JSON.stringify(script));
  const interactive = await output(true, "cat text\nexit\n", "-r", address, "shell");
  assert.ok(interactive.includes("said \\033]0;owned\\007"), JSON.stringify(interactive));
  assert.ok(!interactive.includes("\x07"), JSON.stringify(interactive));
});
