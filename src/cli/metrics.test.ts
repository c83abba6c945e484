import assert from "node:assert/strict";
import { test } from "node:test";
import { type MetricFiles, renderMetrics } from "./metrics.ts";

const FILES: MetricFiles = {
  swap: "total -1\nreserved 300\novercommit 2\nsupply 1000\n",
  accounts: "0 100 -1 120 0 2 1 4096\n1001 200 256 250 3 4 0 0\n",
  counters: "began 1795644576.147\ncalls map 10\ncalls fork 2\nwaits 1\nrefused 1001 rlimit 2\nrefused 1001 job 1\n",
};

test("the figures of the files, a line each, below what they mean", () => {
  const text = renderMetrics(FILES, "prometheus");
  for (const line of [
    "# TYPE lyonnais_uid_reserved_bytes gauge",
    'lyonnais_uid_reserved_bytes{uid="1001"} 200',
    'lyonnais_uid_peak_bytes{uid="0"} 120',
    'lyonnais_uid_limit_bytes{uid="1001"} 256',
    'lyonnais_uid_processes{uid="0",state="observed"} 1',
    "# TYPE lyonnais_refused_calls_total counter",
    'lyonnais_refused_calls_total{uid="1001",reason="rlimit"} 2',
    'lyonnais_trapped_calls_total{operation="map"} 10',
    "lyonnais_supply_bytes 1000",
    "lyonnais_daemon_start_time_seconds 1795644576.147",
  ]) {
    assert.ok(text.includes(`${line}\n`), line);
  }
  // None is no limit, and no swap space without end.
  assert.doesNotMatch(text, /limit_bytes\{uid="0"\}|lyonnais_swap_bytes|-1|EOF|UNIT/);
});

test("OpenMetrics calls the family of a counter without _total, names units, and ends", () => {
  const text = renderMetrics(FILES, "openmetrics");
  assert.match(text, /^# TYPE lyonnais_refused_calls counter\nlyonnais_refused_calls_total\{/m);
  assert.match(text, /^# UNIT lyonnais_supply_bytes bytes$/m);
  assert.match(text, /\n# EOF\n$/);
});

test("where nobody is under accounting there is still a text", () => {
  const text = renderMetrics(
    { swap: "total 0\nreserved 0\novercommit 2\nsupply 0\n", accounts: "", counters: "" },
    "prometheus",
  );
  assert.match(text, /^lyonnais_reserved_bytes 0$/m);
  assert.doesNotMatch(text, /uid|daemon_start/);
});

test("of ten thousand uids a thousand have samples, and nothing of the others is lost", () => {
  const rows = Array.from({ length: 10_000 }, (_, uid) => `${uid} ${uid + 1} -1 ${uid + 1} 1 1 0 0`);
  const refused = Array.from({ length: 10_000 }, (_, uid) => `refused ${uid} rlimit 1`);
  const files = { ...FILES, accounts: `${rows.join("\n")}\n`, counters: `${refused.join("\n")}\n` };
  const lines = renderMetrics(files, "prometheus").split("\n");
  assert.ok(lines.length < 7100, `${lines.length} lines`);
  const sum = (name: string): number =>
    lines.filter((line) => line.startsWith(`${name}{`)).reduce((all, line) => all + Number(line.split(" ")[1]), 0);
  assert.equal(sum("lyonnais_uid_reserved_bytes"), (10_000 * 10_001) / 2);
  assert.equal(sum("lyonnais_refused_calls_total"), 10_000);
  assert.ok(lines.includes('lyonnais_refused_calls_total{uid="other",reason="rlimit"} 9000'));
});
