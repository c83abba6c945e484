/** Metrics in the text formats of Prometheus and OpenMetrics, from what the files beside the processes say. */

/** Uids that have samples of their own: those with most. The others are added up as `other`, so that a scrape is bounded. */
const MOST_UIDS = 1000;

/** What those files said. */
export interface MetricFiles {
  readonly swap: string;
  readonly accounts: string;
  readonly counters: string;
}

export type MetricFormat = "prometheus" | "openmetrics";

interface Family {
  /** Without `_total`. */
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly samples: readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];
}

/** A line of `accounts`, in its order. */
interface UidRow {
  readonly uid: string;
  readonly reserved: number;
  /** -1 for none. */
  readonly limit: number;
  readonly peak: number;
  readonly accounted: number;
  readonly observed: number;
}

const linesOf = (text: string): string[][] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" "));

function uidRows(text: string): UidRow[] {
  const rows = linesOf(text).map(([uid = "", ...numbers]) => {
    const [reserved = 0, limit = -1, peak = 0, , accounted = 0, observed = 0] = numbers.map(Number);
    return { uid, reserved, limit, peak, accounted, observed };
  });
  if (rows.length <= MOST_UIDS) return rows;
  rows.sort((a, b) => b.reserved - a.reserved);
  const sum = (of: (row: UidRow) => number): number => rows.slice(MOST_UIDS).reduce((all, row) => all + of(row), 0);
  const other: UidRow = {
    uid: "other",
    reserved: sum((row) => row.reserved),
    limit: -1,
    peak: sum((row) => row.peak),
    accounted: sum((row) => row.accounted),
    observed: sum((row) => row.observed),
  };
  return [...rows.slice(0, MOST_UIDS), other];
}

function refusals(counters: readonly (readonly string[])[], known: ReadonlySet<string>): Family["samples"] {
  const counts = new Map<string, readonly [Record<string, string>, number]>();
  for (const [name, uid = "", reason = "", count] of counters) {
    if (name !== "refused") continue;
    const who = known.has(uid) ? uid : "other";
    const before = counts.get(`${who} ${reason}`)?.[1] ?? 0;
    counts.set(`${who} ${reason}`, [{ uid: who, reason }, before + Number(count)]);
  }
  return [...counts.values()];
}

function families({ swap, accounts, counters }: MetricFiles): readonly Family[] {
  const rows = uidRows(accounts);
  const counted = linesOf(counters);
  const totals = new Map(linesOf(swap).map(([name, value]) => [name, Number(value)]));
  const uidGauge = (name: string, help: string, of: (row: UidRow) => number): Family => {
    return { name, type: "gauge", help, samples: rows.map((row) => [{ uid: row.uid }, of(row)]) };
  };
  const gauge = (name: string, help: string, value: number | undefined): Family => {
    return { name, type: "gauge", help, samples: value === undefined || value < 0 ? [] : [[{}, value]] };
  };
  const count = (name: string): number | undefined => {
    const line = counted.find(([what]) => what === name);
    return line && Number(line[1]);
  };
  return [
    uidGauge("lyonnais_uid_reserved_bytes", "Memory that is charged to a uid.", (row) => row.reserved),
    uidGauge(
      "lyonnais_uid_peak_bytes",
      "The most that was charged to a uid since the daemon began.",
      (row) => row.peak,
    ),
    {
      ...{
        name: "lyonnais_uid_limit_bytes",
        type: "gauge",
        help: "The lowest limit of a uid's processes, where there is one.",
      },
      samples: rows.filter(({ limit }) => limit >= 0).map(({ uid, limit }) => [{ uid }, limit]),
    },
    {
      ...{
        name: "lyonnais_uid_processes",
        type: "gauge",
        help: "Processes of a uid: under accounting, or only observed.",
      },
      samples: rows.flatMap(({ uid, accounted, observed }) => [
        [{ uid, state: "accounted" }, accounted],
        [{ uid, state: "observed" }, observed],
      ]),
    },
    {
      ...{
        name: "lyonnais_refused_calls",
        type: "counter",
        help: "Calls that were refused memory, by uid and by which limit.",
      },
      samples: refusals(counted, new Set(rows.map(({ uid }) => uid))),
    },
    gauge("lyonnais_reserved_bytes", "Memory that is charged to anybody.", totals.get("reserved")),
    gauge("lyonnais_supply_bytes", "What may be reserved altogether.", totals.get("supply")),
    gauge("lyonnais_swap_bytes", "Swap space.", totals.get("total")),
    gauge("lyonnais_overcommit_policy", "The bits of the overcommit policy.", totals.get("overcommit")),
    {
      ...{
        name: "lyonnais_trapped_calls",
        type: "counter",
        help: "Calls of accounted processes that were decided, by what they do.",
      },
      samples: counted
        .filter(([name]) => name === "calls")
        .map(([, kind = "", calls]) => [{ operation: kind }, Number(calls)]),
    },
    {
      ...{
        name: "lyonnais_decision_waits",
        type: "counter",
        help: "How often a decision had to wait for other calls to happen.",
      },
      samples: [[{}, count("waits") ?? 0]],
    },
    gauge("lyonnais_daemon_start_time_seconds", "When the daemon began, in seconds since 1970.", count("began")),
  ];
}

const labelsOf = (labels: Readonly<Record<string, string>>): string => {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, "_")}"`);
  return parts.length > 0 ? `{${parts.join(",")}}` : "";
};

/** The text of a scrape. The formats differ in what a counter's family is called, and in how a text ends. */
export function renderMetrics(files: MetricFiles, format: MetricFormat): string {
  const isOpen = format === "openmetrics";
  const lines: string[] = [];
  for (const { name, type, help, samples } of families(files)) {
    if (samples.length === 0) continue;
    const sample = type === "counter" ? `${name}_total` : name;
    const family = isOpen ? name : sample;
    lines.push(`# HELP ${family} ${help}`, `# TYPE ${family} ${type}`);
    const unit = /_(bytes|seconds)$/.exec(name)?.[1];
    if (isOpen && unit) lines.push(`# UNIT ${family} ${unit}`);
    for (const [labels, value] of samples) lines.push(`${sample}${labelsOf(labels)} ${value}`);
  }
  if (isOpen) lines.push("# EOF");
  return `${lines.join("\n")}\n`;
}
