import assert from "node:assert/strict";
import { test } from "node:test";
import { refuseUseless } from "./run-limits.ts";

const [KIB, MIB, NONE] = [1024, 1024 * 1024, Number.POSITIVE_INFINITY];

test("limits that would not do what they say are refused, others are not", () => {
  const cases: readonly (readonly [euid: number, soft: number, budget: number, countOnly: boolean, code: string])[] = [
    [1000, NONE, NONE, false, ""],
    [1000, MIB, NONE, false, ""],
    [1000, MIB - 4 * KIB, NONE, false, "EINVAL"],
    [1000, 0, NONE, false, "EINVAL"],
    [1000, NONE, 64 * KIB, false, "EINVAL"],
    [1000, 64 * MIB, NONE, true, "EINVAL"],
    [0, NONE, NONE, false, ""],
    [0, 64 * MIB, NONE, false, "EPERM"],
    [0, 64 * MIB, NONE, true, ""],
    [0, 64 * MIB, 64 * MIB, false, ""],
    [0, NONE, 64 * KIB, false, "EINVAL"],
    [0, 4 * KIB, NONE, true, ""],
  ];
  for (const [euid, soft, budget, countOnly, code] of cases) {
    const act = (): void => refuseUseless({ soft, budget, countOnly }, euid);
    const what = `uid ${euid} -w ${soft} -j ${budget} ${countOnly}`;
    if (code === "") assert.doesNotThrow(act, what);
    else assert.throws(act, { code }, what);
  }
});
