/** Random histories of live processes, judged by the model: `Vm` under the seed rules is their kernel. */
import { test } from "node:test";
import fc from "fast-check";
import { runHistory, STEPS } from "../../../test/support/accounts-history.ts";
import { UNLIMITED } from "../vm/vocabulary.ts";

/** The same histories each time; others by LYONNAIS_SEED, more of them by LYONNAIS_RUNS. */
const numRuns = Number(process.env["LYONNAIS_RUNS"] ?? 400);
const seed = Number(process.env["LYONNAIS_SEED"] ?? 2);

test("every grant, every refusal and every total is the model's", () => {
  fc.assert(fc.property(fc.constantFrom(1600, UNLIMITED), STEPS, runHistory), { numRuns, seed });
});
