import { Command } from "commander";
import { connectDaemon } from "../../app/daemon/client.ts";
import { readAll } from "../../app/tree-client.ts";
import { Errno } from "../../core/base/errno.ts";
import { formatSize } from "../../core/base/size.ts";
import { fromUtf8, utf8 } from "../../core/base/text.ts";
import { show } from "../terminal.ts";

/** A line of the file `jobs`; sizes in bytes, null for no limit, no name, and a process that has exited. */
interface JobLine {
  readonly id: number;
  readonly name: string | null;
  readonly pid: number | null;
  readonly processes: number;
  readonly reserved: number;
  readonly limit: number | null;
  readonly peak: number;
  readonly refusals: number;
}

function parseLine(line: string): JobLine {
  const [id, name = "-", ...numbers] = line.split(" ");
  const [pid = -1, processes = 0, reserved = 0, limit = -1, peak = 0, refusals = 0] = numbers.map(Number);
  return {
    id: Number(id),
    name: name === "-" ? null : name.replaceAll("\\040", " "),
    pid: pid < 0 ? null : pid,
    ...{ processes, reserved },
    limit: limit < 0 ? null : limit,
    ...{ peak, refusals },
  };
}

async function readJobs(): Promise<JobLine[]> {
  const daemon = await connectDaemon();
  if (!daemon) throw new Errno("ESRCH", "no daemon of this user runs, so there are no jobs");
  try {
    let text = "";
    await readAll(daemon, "jobs", (bytes) => {
      text += fromUtf8(bytes);
    });
    return text.split("\n").filter(Boolean).map(parseLine);
  } finally {
    await daemon.close();
  }
}

const HEADINGS = ["ID", "NAME", "PID", "PROCESSES", "RESERVED", "LIMIT", "PEAK", "REFUSED"];

function tableOf(jobs: readonly JobLine[]): string {
  const size = (bytes: number | null): string => (bytes === null ? "infinity" : formatSize(bytes));
  const rows = jobs.map(({ id, name, pid, processes, reserved, limit, peak, refusals }) => {
    return [id, name ?? "-", pid ?? "-", processes, size(reserved), size(limit), size(peak), refusals].map(String);
  });
  const all = [HEADINGS, ...rows];
  const widths = HEADINGS.map((_, i) => Math.max(...all.map((row) => row[i]!.length)));
  const lineOf = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 1 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ");
  return all.map((row) => `${lineOf(row)}\n`).join("");
}

export function jobsCommand(): Command {
  return new Command("jobs")
    .description("the trees of processes under accounting: commands under run, sessions of users, containers")
    .option("--json", "for programs")
    .action(async ({ json }: { json?: true }) => {
      const jobs = await readJobs();
      show(utf8(json ? `${JSON.stringify(jobs, null, 2)}\n` : tableOf(jobs)));
    });
}
