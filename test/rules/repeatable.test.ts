/** A test that fails once can be made to fail again: nothing in it is left to chance that nobody can ask for. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../support/paths.ts";

const files = ["src", "test", "bench"].flatMap((dir) =>
  readdirSync(join(ROOT, dir), { recursive: true, encoding: "utf8" })
    .filter((name) => (dir === "src" ? name.endsWith(".test.ts") : name.endsWith(".ts")))
    .map((name) => join(dir, name)),
);

/** The arguments of each call of `name`, as text. */
function* callsOf(name: string, text: string): Generator<string> {
  for (let at = text.indexOf(`${name}(`); at >= 0; at = text.indexOf(`${name}(`, at + 1)) {
    let depth = 0;
    let end = at + name.length;
    do {
      if (text[end] === "(") depth++;
      else if (text[end] === ")") depth--;
      end++;
    } while (depth > 0 && end < text.length);
    yield text.slice(at, end);
  }
}

test("random tests have a seed", () => {
  const own = join("test", "rules", "repeatable.test.ts");
  let properties = 0;
  for (const file of files) {
    if (file === own) continue;
    const text = readFileSync(join(ROOT, file), "utf8");
    assert.ok(!text.includes("Math.random"), `${file} uses Math.random; test/support/seeded.ts has a generator`);
    for (const call of callsOf("fc.assert", text)) {
      properties++;
      assert.match(call, /\bseed\b/, `${file}: a property without a seed`);
    }
  }
  assert.ok(properties >= 8, `${properties} properties`);
});
