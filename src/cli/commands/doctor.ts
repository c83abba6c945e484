import { Command } from "commander";
import { type Diagnosis, diagnose } from "../../app/doctor/doctor.ts";
import { utf8 } from "../../core/base/text.ts";
import { show } from "../terminal.ts";

/** Aligned lines; a remedy stands below what it mends. */
export function formatDiagnosis(found: readonly Diagnosis[]): string[] {
  const width = Math.max(...found.map(({ name }) => name.length));
  return found.flatMap(({ name, verdict, detail, remedy }) => [
    `${verdict.padEnd(7)}  ${name.padEnd(width)}  ${detail}`,
    ...(remedy === undefined ? [] : [`${" ".repeat(11 + width)}→ ${remedy}`]),
  ]);
}

export function doctorCommand(): Command {
  return new Command("doctor")
    .description("what works on this machine and what does not, why, and what to do about it")
    .option("--json", "for programs")
    .action(async (flags: { json?: true }) => {
      const found = await diagnose();
      const lines = flags.json ? [JSON.stringify(found, null, 2)] : formatDiagnosis(found);
      for (const line of lines) show(utf8(`${line}\n`));
      if (found.some(({ essential, verdict }) => essential && verdict === "missing")) process.exitCode = 1;
    });
}
