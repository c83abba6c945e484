import { Command, Option } from "commander";
import { localTime, reportOf } from "../../app/report.ts";
import { Errno } from "../../core/base/errno.ts";
import { utf8 } from "../../core/base/text.ts";
import { parseMoment } from "../../core/history/period.ts";
import { reportLines, USUAL_SIZE } from "../../core/history/report.ts";
import { reportCsv, reportJson } from "../report-formats.ts";
import { historyDir } from "../state-file.ts";
import { show } from "../terminal.ts";
import { uidArgument } from "../uid-argument.ts";

/** What stands beside a chart, and how wide one is at least. */
const BESIDE = 20;
const LEAST_COLUMNS = 20;
const MOST_COLUMNS = 200;

interface Flags {
  readonly since?: string;
  readonly until?: string;
  readonly uid?: number;
  readonly snapshot?: string;
  readonly refusals?: true;
  readonly json?: true;
  readonly csv?: true;
}

export function reportCommand(): Command {
  return new Command("report")
    .description("what history says: who had how much when, who was refused; needs no daemon")
    .option(
      "--since <time>",
      "90s, 30m, 2h, 7d ago or a time such as 2026-11-26T03:00; without it today, from midnight",
    )
    .option("--until <time>", "the same; without it now")
    .option("--uid <uid>", "of that uid alone", uidArgument)
    .option("--refusals", "the refusals alone, all of them")
    .option("--snapshot <file>", "a copy of the files of history, a directory or one of them, of this host or another")
    .option("--json", "everything, as JSON")
    .addOption(new Option("--csv", "a line each uid, or with --refusals each kind of refusal").conflicts("json"))
    .action(async ({ since, until, uid, snapshot, refusals, json, csv }: Flags) => {
      const now = Date.now();
      const moment = (text: string): number => parseMoment(text, now, Date.parse);
      const from = since === undefined ? new Date(now).setHours(0, 0, 0, 0) : moment(since);
      const to = until === undefined ? now + 1 : moment(until);
      if (from >= to) throw new Errno("EINVAL", "the period ends before it begins");
      const width = (process.stdout.columns ?? 80) - BESIDE;
      const columns = Math.min(MOST_COLUMNS, Math.max(LEAST_COLUMNS, width));
      const period = { from, to, columns, uid };
      const summary = await reportOf(historyDir(), snapshot, period);
      if (json) return print([reportJson(summary)]);
      if (csv) return print(reportCsv(summary, refusals === true));
      if (!refusals) return print(reportLines(summary, localTime));
      const all = { ...USUAL_SIZE, refusals: Number.POSITIVE_INFINITY, processes: 0 };
      print(reportLines({ ...summary, uids: [], processes: [] }, localTime, all));
    });
}

const print = (lines: readonly string[]): void => show(utf8(lines.map((line) => `${line}\n`).join("")));
