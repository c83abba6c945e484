import { createInterface } from "node:readline/promises";
import { Command, Option } from "commander";
import { checkVectors } from "../../app/vectors/check.ts";
import { stateLines } from "../../app/vectors/notation.ts";
import { readVectors } from "../../app/vectors/read.ts";
import { runScenario, type StepResult } from "../../app/vectors/run.ts";
import { RULE_SET_NAMES, type Scenario, VectorsError, type VectorsFile } from "../../app/vectors/schema.ts";
import { reportProblem } from "../report.ts";

type RuleSetName = (typeof RULE_SET_NAMES)[number];

const rulesOption = (): Option =>
  new Option("--rules <set>", "freebsd or seed; what the file asks for, else freebsd").choices(RULE_SET_NAMES);

/** Reads the file and acts on it. A malformed one is wrong usage: exit 2, with the place. */
async function withVectors(
  what: string,
  path: string,
  wanted: RuleSetName | undefined,
  act: (file: VectorsFile, rules: RuleSetName) => Promise<void> | undefined,
): Promise<void> {
  try {
    const file = readVectors(path);
    await act(file, wanted ?? file.meta?.rules ?? "freebsd");
  } catch (error) {
    if (!(error instanceof VectorsError)) throw error;
    reportProblem(`vm ${what} ${path}`, error.message);
    process.exitCode = 2;
  }
}

function checkCommand(): Command {
  return new Command("check")
    .description("carry out a file of scenarios and say where it does not come out as expected")
    .argument("<file>", "JSON: reserve vectors and scenarios")
    .addOption(rulesOption())
    .action((path: string, flags: { rules?: RuleSetName }) =>
      withVectors("check", path, flags.rules, (file, rules) => {
        const { passed, failures } = checkVectors(file, rules);
        for (const line of failures) process.stdout.write(`${line}\n`);
        process.stdout.write(`${passed} passed, ${failures.length} failed\n`);
        if (failures.length > 0) process.exitCode = 1;
        return undefined;
      }),
    );
}

function runCommand(): Command {
  return new Command("run")
    .description("carry out a file of scenarios and print every state")
    .argument("<file>", "JSON: scenarios")
    .option("--step", "wait for Return after each step, at a terminal")
    .option("--json", "for programs")
    .addOption(rulesOption())
    .action((path: string, flags: { step?: true; json?: true; rules?: RuleSetName }) =>
      withVectors("run", path, flags.rules, (file, rules) =>
        flags.json ? printJson(file.scenarios, rules) : printScenarios(file.scenarios, rules, flags.step ?? false),
      ),
    );
}

function printJson(scenarios: readonly Scenario[], rules: RuleSetName): undefined {
  const ran = scenarios.map((scenario, i) => ({
    id: scenario.id,
    title: scenario.title,
    rules,
    steps: [...runScenario(scenario, rules, `scenarios[${i}]`)].map(({ step, results, state }) => ({
      text: step.text,
      results: results.map(({ result }) => result),
      state,
    })),
  }));
  process.stdout.write(`${JSON.stringify(ran, null, 2)}\n`);
}

async function printScenarios(scenarios: readonly Scenario[], rules: RuleSetName, pause: boolean): Promise<void> {
  const terminal = pause && process.stdin.isTTY ? createInterface(process.stdin, process.stdout) : undefined;
  try {
    for (const [i, scenario] of scenarios.entries()) {
      process.stdout.write(`${scenario.id}. ${scenario.title}\n`);
      let number = 1;
      for (const ran of runScenario(scenario, rules, `scenarios[${i}]`)) {
        for (const line of stepLines(number++, ran)) process.stdout.write(`${line}\n`);
        await terminal?.question("");
      }
      process.stdout.write("\n");
    }
  } finally {
    terminal?.close();
  }
}

function stepLines(number: number, { step, results, state }: StepResult): string[] {
  const refused = results.filter(({ result }) => /^(?!OK$)[A-Z_]+$/.test(result)).map(({ result }) => result);
  const text = step.text || step.ops.map(({ op }) => op).join("; ");
  return [
    `${number}) ${text}${refused.length === 0 ? "" : `   => ${refused.join(", ")}`}`,
    ...stateLines(state).map((line) => `   ${line}`),
  ];
}

export function vmCommand(): Command {
  return new Command("vm")
    .description("the accounting of anonymous memory on scenarios instead of live processes")
    .addCommand(checkCommand())
    .addCommand(runCommand());
}
