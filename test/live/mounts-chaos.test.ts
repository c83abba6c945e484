/**
 * A daemon that is killed, hangs, is stopped or loses its keepers, over and over, while everything is done with its mount: nobody
 * who uses it is told, apart from whoever debugs. 15 times, `npm run chaos` 200; LYONNAIS_KILLS says otherwise, LYONNAIS_SEED
 * which moments and ends.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { isAlive } from "../support/daemon-place.ts";
import { Hanging } from "../support/hanging.ts";
import { Accounting } from "../support/limited.ts";
import { CLI } from "../support/paths.ts";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { seeded } from "../support/seeded.ts";
import { Target, until } from "../support/target.ts";

const KILLS = Number(process.env["LYONNAIS_KILLS"] ?? 15);
const SEED = Number(process.env["LYONNAIS_SEED"] ?? 9);

/** How often each thing happens, of a hundred times. */
const ENDS = [
  ["kill", 60],
  ["hang in a read", 10],
  ["hang in an attach", 10],
  ["stop for a moment", 10],
  ["kill a keeper", 10],
] as const;
type End = (typeof ENDS)[number][0];

function endOf(number: number): End {
  let left = number;
  for (const [end, share] of ENDS) {
    left -= share;
    if (left < 0) return end;
  }
  throw new Error(`${number} of a hundred`);
}

/** Resolves when the daemon has its watchdog, without which it hangs for ever. */
function watched(pid: number): Promise<void> {
  const tasks = `/proc/${pid}/task`;
  return until(() => readdirSync(tasks).some((tid) => nameOf(`${tasks}/${tid}`) === "watchdog\n"), "the watchdog");
}

function nameOf(dir: string): string {
  try {
    return readFileSync(`${dir}/comm`, "latin1");
  } catch {
    return "";
  }
}

/** The keepers of the daemon in `runtime`: shells that have the lock open. */
function keepersOf(runtime: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && nameOf(`/proc/${name}`) === "sh\n")
    .map(Number)
    .filter((pid) => {
      try {
        const environ = readFileSync(`/proc/${pid}/environ`, "latin1");
        const command = readFileSync(`/proc/${pid}/cmdline`, "latin1");
        return environ.includes(`LYONNAIS_RUNTIME_DIR=${runtime}\0`) && /lyonnais-(keeper|guard)/.test(command);
      } catch {
        return false;
      }
    });
}

/** Does it; whether the daemon is to be another one afterwards. */
async function does(end: End, pid: number, runtime: string, random: (below: number) => number): Promise<boolean> {
  if (end === "kill") process.kill(pid, "SIGKILL");
  else if (end === "stop for a moment") {
    process.kill(pid, "SIGSTOP");
    await pause(random(300));
    process.kill(pid, "SIGCONT");
    return false;
  } else if (end === "kill a keeper") {
    const keepers = keepersOf(runtime);
    const keeper = keepers[random(keepers.length)];
    if (keeper !== undefined) process.kill(keeper, "SIGKILL");
    return false;
  } else {
    await watched(pid);
    process.kill(pid, end === "hang in a read" ? "SIGUSR2" : "SIGWINCH");
  }
  return true;
}

/** A shell script that goes on until the file `stop` is there, and says what it does not expect. */
class Loop {
  readonly name: string;
  readonly child: ChildProcess;
  #said = "";

  constructor(t: TestContext, name: string, dir: string, body: string, via: readonly string[] = [], env = process.env) {
    this.name = name;
    const script = `n=0; while [ ! -e ${dir}/stop ]; do ${body}; n=$((n + 1)); done; echo "fine $n"`;
    const [command, ...args] = [...via, "sh", "-c", script];
    this.child = spawn(command!, args, { cwd: "/", env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding("latin1").on("data", (text: string) => {
        this.#said += text;
      });
    }
    t.after(() => this.child.kill("SIGKILL"));
  }

  /** How often it has gone round, and that it had nothing else to say. */
  async fine(): Promise<number> {
    if (this.child.exitCode === null) await once(this.child, "close");
    const match = /^fine (\d+)\n$/.exec(this.#said);
    assert.ok(match, `${this.name}: ${this.#said.slice(0, 2000)}`);
    return Number(match[1]);
  }
}

test(`${KILLS} times the worst at random, under readers, a debugger and limited programs`, {
  ...NEEDS_MOUNT,
  timeout: 30_000 + KILLS * 5000,
}, async (t) => {
  t.diagnostic(`LYONNAIS_SEED=${SEED}`);
  const random = seeded(SEED);
  const accounting = new Accounting(t, 0);
  await using target = await Target.start("sleeper");
  await using debugged = await Target.start("counter");
  await using stuck = await Hanging.beforeExec(61001);
  writeFileSync(join(accounting.env["XDG_STATE_HOME"]!, "stuck"), String(stuck.pid));
  await accounting.patientDaemon();
  const mount = join(accounting.dir, "mount");
  mkdirSync(mount);
  assert.deepEqual(accounting.command("mount", mount), { code: 0, out: "", err: "" });
  t.after(() => accounting.command("umount", mount));

  const status = readFileSync(join(mount, String(target.pid), "status"), "latin1");
  const range = /^([0-9a-f]+)-.* r-xp /m.exec(readFileSync(`/proc/${target.pid}/maps`, "latin1"))![1]!;
  const page = Number(`0x${range}`) / 4096;
  const memory = openSync(join(mount, String(target.pid), "mem"), "r");
  const text = openSync(join(mount, String(target.pid), "status"), "r");
  t.after(() => [memory, text].forEach(closeSync));
  const expected = Buffer.alloc(4096);
  readSync(memory, expected, 0, 4096, page * 4096);
  writeFileSync(join(accounting.dir, "page"), expected);
  writeFileSync(join(accounting.dir, "status"), status);

  const own = `${mount}/${target.pid}`;
  const files = readdirSync(own).length;
  const { dir, env } = accounting;
  const runtime = env["LYONNAIS_RUNTIME_DIR"]!;
  const loops = [
    new Loop(t, "cat", dir, `cat ${own}/status | cmp - ${dir}/status`),
    new Loop(
      t,
      "slow cat",
      dir,
      `(read -r a; sleep 0.2; cat; printf '%s\\n' "$a") < ${own}/status | cmp - ${dir}/status`,
    ),
    new Loop(t, "dd", dir, `dd if=${own}/mem bs=4096 skip=${page} count=1 2>/dev/null | cmp - ${dir}/page`),
    new Loop(t, "ls", dir, `[ "$(ls ${mount} | grep -c '^${target.pid}$')" = 1 ] || echo not listed once`),
    new Loop(t, "cwd", dir, `cd ${own}; cmp status ${dir}/status; [ "$(ls | wc -l)" = ${files} ] || echo ls: $(ls)`),
    // Control ends with the daemon, so a word may find that it is not its any more; the target has to live.
    new Loop(
      t,
      "debugger",
      dir,
      `{ echo attach > ctl; cat regs | wc -c; echo detach > ctl; } > /dev/null 2> ${dir}/said
       grep -E 'not connected|Transport|aborted' ${dir}/said`,
      ["env", "-C", `${mount}/${debugged.pid}`],
    ),
  ];
  const limited = new Loop(
    t,
    "limited",
    dir,
    `/bin/true || echo failed; : > ${dir}/begun`,
    [process.execPath, CLI, "run", "-j", "512m", "--"],
    env,
  );

  // A command that is being taken on asks five daemons, and no more: test/live/run-handshake.test.ts.
  await until(() => existsSync(join(dir, "begun")), "the limited program");
  const first = await accounting.daemon();
  const before = readdirSync(`/proc/${first}/fd`).length;
  const times: number[] = [];
  const counts = new Map<End, number>();
  const buffer = Buffer.alloc(4096);
  let last = first;
  for (let i = 0; i < KILLS; i++) {
    await pause(random(400));
    const end = endOf(random(100));
    counts.set(end, (counts.get(end) ?? 0) + 1);
    const isReplaced = await does(end, last, runtime, random);
    const begin = performance.now();
    assert.equal(buffer.toString("latin1", 0, readSync(text, buffer, 0, 4096, 0)), status);
    if (end === "kill") times.push(performance.now() - begin);
    assert.equal(readSync(memory, buffer, 0, 4096, page * 4096), 4096);
    assert.deepEqual(buffer, expected);
    const was = last;
    while ((isReplaced && last === was) || !isAlive(last)) last = await accounting.daemon();
  }
  writeFileSync(join(dir, "stop"), "");
  for (const loop of [...loops, limited]) t.diagnostic(`${loop.name}: ${await loop.fine()} rounds`);
  t.diagnostic([...counts].map(([end, count]) => `${end}: ${count}`).join(", "));
  times.sort((a, b) => a - b);
  t.diagnostic(
    `without service: median ${times[times.length >> 1]!.toFixed(0)} ms, longest ${times.at(-1)!.toFixed(0)} ms`,
  );
  for (const { child } of [target, debugged]) assert.equal(child.exitCode ?? child.signalCode, null, "a dead target");
  await accounting.reconnect();
  assert.equal(await accounting.cat("accounts-check"), "");
  const after = readdirSync(`/proc/${last}/fd`).length;
  assert.ok(after <= before + 4, `${before} descriptors at first, ${after} at last`);
});
