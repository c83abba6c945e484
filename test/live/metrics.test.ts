/** `lyonnais metrics` of a daemon, and what is made for those who collect them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { daemonPlace } from "../support/daemon-place.ts";
import { ROOT } from "../support/paths.ts";

const promtool = (args: readonly string[], input = "") => spawnSync("promtool", args, { input, encoding: "utf8" });
const NEEDS_PROMTOOL = { skip: promtool(["--version"]).status !== 0 && "promtool is not installed" };

test("a refused call is counted, by uid and by limit, and so are the calls that were let go", NEEDS_PROMTOOL, (t) => {
  const { run } = daemonPlace(t);
  assert.equal(run("daemon").code, 0);
  const script = "x=$(head -c 40000000 /dev/zero | tr '\\0' x) 2>/dev/null";
  run("run", "-j", "32m", "--", "bash", "-c", script);
  const { code, out, err } = run("metrics");
  assert.deepEqual([code, err], [0, ""]);
  const uid = process.getuid!();
  const count = Number(
    new RegExp(`^lyonnais_refused_calls_total\\{uid="${uid}",reason="job"\\} (\\d+)$`, "m").exec(out)?.[1],
  );
  assert.ok(count >= 1, out);
  assert.match(out, /^lyonnais_trapped_calls_total\{operation="fork"\} [1-9]/m);
  const began = Number(/^lyonnais_daemon_start_time_seconds (\S+)$/m.exec(out)![1]);
  assert.ok(Math.abs(Date.now() / 1000 - began) < 120, `${began}`);
  const checked = promtool(["check", "metrics"], out);
  assert.deepEqual([checked.status, checked.stdout, checked.stderr], [0, "", ""]);
});

test("the alerts are rules, and rules and dashboard ask for metrics that there are", NEEDS_PROMTOOL, () => {
  const rules = join(ROOT, "contrib/prometheus/lyonnais.rules.yml");
  const checked = promtool(["check", "rules", rules]);
  assert.equal(checked.status, 0, checked.stderr);
  const known = readFileSync(join(ROOT, "src/cli/metrics.ts"), "utf8");
  for (const file of [rules, join(ROOT, "contrib/grafana/lyonnais.json")]) {
    for (const [, name] of readFileSync(file, "utf8").matchAll(/\b(lyonnais_[a-z_]+?)(?:_total)?\b(?=[{)[ ])/g)) {
      assert.ok(known.includes(`"${name}"`), `${file}: ${name}`);
    }
  }
});
