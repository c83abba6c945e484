import { Command } from "commander";
import { localTime, machineBytes, reportOf } from "../../app/report.ts";
import { Errno } from "../../core/base/errno.ts";
import { formatSize } from "../../core/base/size.ts";
import { utf8 } from "../../core/base/text.ts";
import { parseMoment } from "../../core/history/period.ts";
import { shortSize } from "../../core/history/report.ts";
import { type Suggestion, suggestLimit } from "../../core/history/suggest.ts";
import { historyDir } from "../state-file.ts";
import { show } from "../terminal.ts";
import { uidArgument } from "../uid-argument.ts";

function lines({ limit, peak, peakMs, refused, margin }: Suggestion): string[] {
  const said = [`${formatSize(limit)}`, `# ${shortSize(peak)} was reserved at most, told ${localTime(peakMs)}`];
  if (refused > peak) {
    said.push(
      `# ${shortSize(refused)} would have been, had the calls that its limit refused been allowed; what came after them nobody knows`,
    );
  }
  said.push(`# and ${margin * 100} % more, in whole megabytes`);
  return said;
}

export function suggestCommand(): Command {
  return new Command("suggest")
    .description("a limit for a user under which it would have refused nothing, from history")
    .option("--since <time>", "look so far back: 90m, 12h, 7d, 4w or a time", "7d")
    .option("--json", "the limit and what it is made of, bytes, as JSON")
    .argument("<uid>", "the number of the user", uidArgument)
    .action(async (uid: number, { since, json }: { since: string; json?: true }) => {
      const now = Date.now();
      const from = parseMoment(since, now, Date.parse);
      const period = { from, to: now + 1, uid, columns: 1, mostAsked: machineBytes() };
      const suggestion = suggestLimit(await reportOf(historyDir(), undefined, period), uid);
      if (!suggestion) throw new Errno("ENOENT", `history says nothing of uid ${uid} since ${localTime(period.from)}`);
      const text = json ? [JSON.stringify(suggestion, undefined, 2)] : lines(suggestion);
      show(utf8(text.map((line) => `${line}\n`).join("")));
    });
}
