/** What was, as those see it who look back: after the process, the daemon and a kill. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openTree } from "../../src/app/open-tree.ts";
import type { Summary } from "../../src/core/history/summary.ts";
import { type DaemonPlace, daemonPlace } from "../support/daemon-place.ts";
import { CLI } from "../support/paths.ts";
import { until } from "../support/target.ts";

const MIB = 1 << 20;

/** What a shell is refused memory for, and ends: a string of 40 MB. */
const GREEDY = "x=$(head -c 40000000 /dev/zero | tr '\\0' x) 2>/dev/null";
/** How bash ends then. */
const REFUSED = 2;

const envOf = ({ dir }: DaemonPlace): NodeJS.ProcessEnv => {
  return { ...process.env, LYONNAIS_RUNTIME_DIR: join(dir, "run"), XDG_STATE_HOME: dir };
};

const reported = (place: DaemonPlace, ...args: string[]): Summary => {
  const { code, out, err } = place.run("report", "--since", "1h", "--json", ...args);
  assert.deepEqual([code, err], [0, ""]);
  return JSON.parse(out) as Summary;
};

/** A command that runs until the test ends. */
function background(t: TestContext, place: DaemonPlace, ...args: string[]): ChildProcess & { readonly said: string } {
  const child = Object.assign(
    spawn(process.execPath, [CLI, ...args], {
      env: envOf(place),
      cwd: place.dir,
      stdio: ["pipe", "pipe", "ignore"],
      detached: true,
    }),
    { said: "" },
  );
  child.stdout!.on("data", (data: Buffer) => {
    child.said += data.toString("latin1");
  });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

const filesIn = ({ dir }: DaemonPlace): string[] => {
  const path = join(dir, "lyonnais", "accounts");
  return readdirSync(path).map((name) => join(path, name));
};

test("who was refused, in which call and by which limit is known when program and daemon are gone", async (t) => {
  const place = daemonPlace(t);
  assert.deepEqual(place.run("report").err.split(":").slice(0, 3), ["lyonnais", " report", " ENOENT"]);
  assert.equal(place.run("daemon").code, 0);
  assert.equal(place.run("run", "-j", "32m", "--", "bash", "-c", GREEDY).code, REFUSED);
  assert.deepEqual(place.run("stop"), { code: 0, out: "", err: "" });
  const uid = process.getuid!();
  const { uids, refusals, processes, refused, started, daemonStarts } = reported(place);
  assert.equal(daemonStarts, 1);
  assert.ok(started >= 2, `${started} processes`);
  assert.deepEqual(
    uids.map((row) => [row.uid, row.refusals, row.reserved]),
    [[uid, refused, 0]],
  );
  assert.ok(uids[0]!.peak > 2 * MIB && uids[0]!.peak <= 32 * MIB, `${uids[0]!.peak}`);
  const [first] = refusals;
  assert.deepEqual([first!.uid, first!.name, first!.reason, first!.limit], [uid, "bash", "job", 32 * MIB]);
  assert.match(first!.call, /^(mmap|brk|mremap)$/);
  assert.ok(first!.used <= first!.limit && first!.used + first!.asked > first!.limit);
  assert.ok(processes.some(({ name }) => name === "head"));

  assert.match(place.run("report", "--refusals").out, new RegExp(`^ *\\d+ .* ${uid} +\\d+ +bash .* job .* 32m$`, "m"));
  assert.match(place.run("report", "--csv").out, new RegExp(`^uid,reserved,.*\\n${uid},0,`));
  assert.equal(reported(place, "--uid", String(uid + 1)).refused, 0);
  assert.equal(place.run("report", "--since", "2h", "--until", "1h").out.split("\n").length, 2);
  for (const wrong of [
    ["--since", "x"],
    ["--since", "1h", "--until", "2h"],
  ]) {
    assert.match(place.run("report", ...wrong).err, /^lyonnais: report: EINVAL: /);
  }
});

test("a daemon that is killed is replaced, and what was before and what comes after is one history", async (t) => {
  const place = daemonPlace(t);
  assert.equal(place.run("daemon").code, 0);
  writeFileSync(join(place.dir, "greedy"), GREEDY);
  const shell = background(t, place, "run", "-j", "32m", "--", "bash");
  let rounds = 0;
  const greedy = async (): Promise<void> => {
    shell.stdin!.write("bash greedy; echo done\n");
    rounds++;
    await until(() => shell.said.split("done").length > rounds, `round ${rounds}`);
  };
  const refusals = (): number => reported(place).refused;
  await greedy();
  for (let kills = 1; kills <= 2; kills++) {
    const before = refusals();
    await greedy();
    await until(() => refusals() > before, "a refusal in the files");
    const kept = refusals();
    await place.killDaemon();
    await greedy();
    await until(() => reported(place).daemonResumes === kills, "the next daemon in the files");
    await until(() => refusals() > kept, "a refusal after the kill");
  }
  const { refusals: rows } = reported(place);
  assert.deepEqual([...new Set(rows.map(({ name }) => name))], ["bash"]);
  shell.stdin!.end("exit\n");
});

test("events tell of a process, its program, its refusals and its end, as they happen", async (t) => {
  const place = daemonPlace(t);
  assert.equal(place.run("daemon").code, 0);
  const client = await openTree({ remote: `unix:${place.socket}` });
  // Its place in the log is where that is now.
  const file = await client.open("events", { read: true, write: false });
  const stop = new AbortController();
  const reader = { said: "" };
  const reading = (async () => {
    for (;;) reader.said += Buffer.from(await file.read(0, 64 * 1024, stop.signal)).toString("latin1");
  })().catch((error) => error);
  assert.equal(place.run("run", "-j", "32m", "--", "bash", "-c", `(${GREEDY}); exec true`).code, 0);
  await until(() => / became \d+ bash\n.* ended \d+ \d+ \d+ true\n/s.test(reader.said), `the end: ${reader.said}`);
  const lines = reader.said.split("\n");
  const pid = lines.map((line) => /^\d+ \d+\.\d{6} became (\d+) bash$/.exec(line)?.[1]).find((found) => found);
  const uid = process.getuid!();
  assert.match(reader.said, new RegExp(`^\\d+ \\d+\\.\\d+ started ${pid} ${uid} \\d+ \\S+$`, "m"));
  assert.match(
    reader.said,
    new RegExp(` refused \\d+ ${uid} bash (mmap|brk|mremap) \\d+ job \\d+ ${32 * MIB} 1$`, "m"),
  );
  assert.match(reader.said, new RegExp(` became ${pid} true$`, "m"));
  const numbers = lines.filter((line) => line !== "").map((line) => Number(line.split(" ")[0]));
  assert.deepEqual(
    numbers,
    numbers.map((_, i) => numbers[0]! + i),
  );
  stop.abort();
  assert.match(String(await reading), /EINTR/);
  await client.close();
  const history = place.run("cat", "history");
  assert.equal(history.err, "");
  assert.match(history.out, / \d+ refusals?, the daemon began 1 time\n/);
});

test("files that were cut off, copied or are not one's own", async (t) => {
  const place = daemonPlace(t);
  assert.equal(place.run("daemon").code, 0);
  assert.equal(place.run("run", "-j", "32m", "--", "bash", "-c", GREEDY).code, REFUSED);
  assert.equal(place.run("stop").code, 0);
  const [file] = filesIn(place);
  const copy = join(place.dir, "copy");
  cpSync(file!, copy);
  const all = reported(place);
  assert.deepEqual(reported(place, "--snapshot", copy).refusals, all.refusals);
  truncateSync(file!, readFileSync(file!).length - 1);
  const cut = reported(place);
  assert.ok(cut.started > 0);
  // A daemon goes on in another file: behind what was cut off nobody would find anything.
  assert.equal(place.run("daemon").code, 0);
  assert.equal(place.run("run", "true").code, 0);
  assert.equal(place.run("stop").code, 0);
  assert.equal(filesIn(place).length, 2);
  assert.equal(reported(place).daemonStarts, cut.daemonStarts + 1);
  // And behind a whole one in the same.
  assert.equal(place.run("daemon").code, 0);
  assert.equal(place.run("run", "true").code, 0);
  assert.equal(place.run("stop").code, 0);
  assert.equal(filesIn(place).length, 2);
  mkdirSync(join(place.dir, "open"), { mode: 0o777 });
  chmodSync(join(place.dir, "lyonnais", "accounts"), 0o777);
  assert.match(place.run("report").err, /^lyonnais: report: EPERM: .* everybody may change /);
});

test("under the limit that history suggests the same load is not refused, under a fifth less it is", async (t) => {
  const place = daemonPlace(t);
  const uid = String(process.getuid!());
  assert.match(place.run("suggest", uid).err, /^lyonnais: suggest \d+: ENOENT: /);
  assert.match(place.run("suggest", "me").err, /^lyonnais: .*is no uid/);
  const load = ["--", "dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1", "status=none"];
  assert.equal(place.run("daemon").code, 0);
  assert.equal(place.run("run", ...load).code, 0);
  assert.equal(place.run("stop").code, 0);
  const { limit, peak, refused } = JSON.parse(place.run("suggest", uid, "--json").out);
  assert.ok(peak >= 200 * MIB && limit > peak && limit % MIB === 0 && refused === 0, `${limit} above ${peak}`);
  assert.equal(place.run("suggest", uid).out.split("\n")[0], `${limit / MIB}m`);
  assert.equal(place.run("run", "-j", String(limit), ...load).code, 0);
  assert.notEqual(place.run("run", "-j", String(Math.floor(limit * 0.8)), ...load).code, 0);
  await until(() => reported(place).refused > 0, "the refusal");
  const after = JSON.parse(place.run("suggest", uid, "--json").out);
  // It was not by the uid's limit, which would have had to be none higher.
  assert.equal(after.refused, 0);
  assert.ok(after.limit >= limit, `${after.limit}`);
});
