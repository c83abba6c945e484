import type { RuleSetName } from "../../core/vm/rules/rule-sets.ts";
import { checkReserve, runScenario } from "./run.ts";
import type { VectorsFile } from "./schema.ts";

/** What `vm check` found: each reserve vector and each step of a scenario is one that passes or fails. */
export interface CheckResult {
  readonly passed: number;
  /** One line each. */
  readonly failures: readonly string[];
}

export function checkVectors(file: VectorsFile, rules: RuleSetName): CheckResult {
  const failures: string[] = [];
  let passed = 0;
  const settle = (what: string, differences: readonly string[]): void => {
    const [first, ...more] = differences;
    if (first === undefined) passed++;
    else failures.push(`${what}: ${first}${more.length === 0 ? "" : ` (and ${more.length} more)`}`);
  };
  for (const vector of file.reserve) settle(`reserve ${vector.name}`, checkReserve(vector));
  for (const [i, scenario] of file.scenarios.entries()) {
    let step = 1;
    for (const { differences } of runScenario(scenario, rules, `scenarios[${i}]`)) {
      settle(`${scenario.id} step ${step++}`, differences);
    }
  }
  return { passed, failures };
}
