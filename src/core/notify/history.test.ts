/** Random histories of live processes, judged by the model: `Vm` under the seed rules is their kernel. */
import { test } from "node:test";
import fc from "fast-check";
import { runHistory, STEPS, type Step } from "../../../test/support/accounts-history.ts";
import { UNLIMITED } from "../charges/unlimited.ts";

/** The same histories each time; others by LYONNAIS_SEED, more of them by LYONNAIS_RUNS. */
const numRuns = Number(process.env["LYONNAIS_RUNS"] ?? 400);
const seed = Number(process.env["LYONNAIS_SEED"] ?? 2);

const judge =
  (waitsForMaps: boolean) =>
  (budget: number, steps: readonly Step[]): void =>
    runHistory(budget, steps, waitsForMaps);

test("every grant, every refusal and every total is the model's", () => {
  fc.assert(fc.property(fc.constantFrom(1600, UNLIMITED), STEPS, judge(false)), { numRuns, seed });
});

test("the same where every map has to be waited for, and the decision is made again when it is there", () => {
  fc.assert(fc.property(fc.constantFrom(1600, UNLIMITED), STEPS, judge(true)), { numRuns, seed });
});
