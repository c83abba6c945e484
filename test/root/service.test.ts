/** Root's daemon as a service: the files for each kind of host, and the plain script at work. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Administered } from "../support/administered.ts";
import { isAlive } from "../support/daemon-place.ts";
import { Accounting } from "../support/limited.ts";
import { until } from "../support/target.ts";

const skip = process.geteuid!() === 0 ? false : "needs root";
const ALICE = 61131;

const found = (name: string): boolean => spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;

function printed(place: Administered, ...args: readonly string[]): string {
  const { code, out, err } = place.command("service", "install", "--print", ...args);
  assert.equal(code, 0, err);
  return out;
}

test("systemd finds nothing wrong with the unit", {
  skip: skip || (found("systemd-analyze") ? false : "needs systemd"),
}, (t) => {
  const place = new Administered(t);
  const unit = printed(place, "--init", "systemd", "--mount", "/mnt/a b", "--agent", "--config", "/etc/100%.toml");
  const file = join(place.dir, "lyonnais.service");
  writeFileSync(file, unit);
  const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
  const said = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("lyonnais"));
  assert.deepEqual([status, said], [0, []]);
  assert.match(unit, /^ExecStart=\S*node .*daemon --config \/etc\/100%%\.toml$/m);
  assert.match(unit, /^ExecStartPost=.* mount -o allow_other "\/mnt\/a b"$/m);
  assert.match(unit, /^ExecStartPost=.* agent$/m);
});

test("the plain script starts, tells of, reloads and stops the daemon", { skip }, async (t) => {
  const place = new Administered(t, `[user.${ALICE}]`, 'swap = "64m"');
  const script = join(place.dir, "it's a script");
  writeFileSync(script, printed(place, "--init", "init", "--config", place.config));
  chmodSync(script, 0o755);
  const run = (word: string) => spawnSync(script, [word], { env: place.env, encoding: "utf8" });
  assert.equal(run("status").status, 3);
  assert.equal(run("start").status, 0);
  const daemon = await place.daemon();
  assert.match(run("status").stdout, new RegExp(`^the daemon runs: process ${daemon}$`, "m"));
  place.rewrite(`[user.${ALICE}]`, 'swap = "96m"');
  assert.match(run("reload").stdout, /^1 setting from /);
  assert.match(place.command("limits", "show", `${ALICE}`).out, /swap {2}96m/);
  assert.equal(run("stop").status, 0);
  await until(() => !isAlive(daemon), "the end of the daemon");
  assert.equal(run("status").status, 3);
  assert.deepEqual([run("").status, run("nonsense").status], [2, 2]);
});

test("every script is one to its shell; who is not root installs nothing", { skip }, (t) => {
  const place = new Administered(t);
  for (const init of ["openrc", "init"]) {
    const script = printed(place, "--init", init, "--mount", "/mnt/it's here", "--agent");
    const { status, stderr } = spawnSync("sh", ["-n"], { input: script, encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(script, /'\/mnt\/it'\\''s here'/);
  }
  assert.match(
    place.command("service", "install", "--init", "upstart").err,
    /upstart is none of systemd, openrc, init/,
  );
  const user = new Accounting(t, 61132);
  assert.match(user.command("service", "install", "--init", "init").err, /EPERM: only root installs and removes/);
});
