import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { completionScript, SHELLS } from "./completion.ts";
import { buildProgram } from "./program.ts";

/** What bash offers for the last of these words. */
function offered(script: string, ...words: string[]): string[] {
  const line = ["lyonnais", ...words].map((word) => `'${word}'`).join(" ");
  const ask = `COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _lyonnais; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync("bash", ["-c", `${script}\n${ask}`], { encoding: "utf8" });
  assert.deepEqual([status, stderr], [0, ""]);
  return stdout.split("\n").filter((word) => word !== "");
}

test("bash completes commands, the commands of a group, and options", async () => {
  const script = completionScript(await buildProgram(), "bash");
  assert.deepEqual(offered(script, "um"), ["umount"]);
  assert.deepEqual(offered(script, "limits", "sh"), ["show"]);
  assert.deepEqual(offered(script, "run", "--no"), ["--no-repair"]);
  assert.deepEqual(offered(script, "-r", "unix:x", "report", "--re"), ["--refusals"]);
  assert.deepEqual(offered(script, "md", "create", "--l"), ["--limit"]);
  assert.deepEqual(offered(script, "cat", "accou"), []);
});

test("every shell's script has every command and option, and no quote that ends too early", async () => {
  const program = await buildProgram();
  for (const shell of SHELLS) {
    const script = completionScript(program, shell);
    for (const command of program.commands) {
      assert.ok(script.includes(command.name()), `${shell} ${command.name()}`);
      for (const { long } of command.options) if (long) assert.ok(script.includes(long.slice(2)), `${shell} ${long}`);
    }
  }
  for (const line of completionScript(program, "fish").trim().split("\n").slice(1)) {
    assert.match(
      line,
      /^complete -c lyonnais -n '(\\.|[^'\\])*'( -f -a '[a-z-]+'| -[sl] [A-Za-z-]+)+( -r)? -d '(\\.|[^'\\])*'$/,
    );
  }
});
