/** The vectors through the library: what FreeBSD does, and what the seed rules do. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { checkVectors } from "../../src/app/vectors/check.ts";
import { readVectors } from "../../src/app/vectors/read.ts";
import { RULE_SET_NAMES } from "../../src/app/vectors/schema.ts";
import { ROOT } from "../support/paths.ts";

for (const rules of RULE_SET_NAMES) {
  const file = readVectors(join(ROOT, "test", "vectors", `${rules}.json`));
  const steps = file.scenarios.flatMap((scenario) => scenario.steps);

  test(`${rules}: every vector, every step of every scenario`, () => {
    assert.deepEqual(checkVectors(file, rules), {
      passed: file.reserve.length + steps.length,
      failures: [],
    });
    assert.ok(file.scenarios.length >= 40);
  });

  test(`${rules}: an expected state that is off by a page anywhere is noticed`, () => {
    for (const [i, scenario] of file.scenarios.entries()) {
      const altered = structuredClone(scenario);
      for (const step of altered.steps) {
        const held = [
          ...Object.values(step.expect!.maps).flatMap((map) => ("entries" in map ? map.entries : [])),
          ...Object.values(step.expect!.objects),
        ].filter(({ charge }) => charge !== null);
        for (const { charge } of held) (charge as { pages: number }).pages++;
        if (held.length === 0) continue;
        const { failures } = checkVectors({ reserve: [], scenarios: [altered] }, rules);
        assert.equal(failures.length, 1, `${i} ${scenario.id}`);
        assert.match(failures[0]!, /charge: expected .*, got /);
        for (const { charge } of held) (charge as { pages: number }).pages--;
      }
    }
  });
}

test("objects may have other names; what refers to the wrong one is noticed", () => {
  const [scenario] = readVectors(join(ROOT, "test", "vectors", "freebsd.json")).scenarios.filter(
    ({ id }) => id === "S17",
  );
  const text = JSON.stringify(scenario);
  const renamed = JSON.parse(text.replaceAll('"O1"', '"X"').replaceAll('"O2"', '"O1"').replaceAll('"X"', '"O2"'));
  assert.equal(checkVectors({ reserve: [], scenarios: [renamed] }, "freebsd").failures.length, 0);
  const crossed = JSON.parse(text);
  crossed.steps[2].expect.maps.P2.entries[0].object = "O2";
  assert.equal(checkVectors({ reserve: [], scenarios: [crossed] }, "freebsd").failures.length, 1);
});
