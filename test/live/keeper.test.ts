/** The keeper: what a daemon holds survives its death at any moment, and nothing survives its goodbye. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { SOCK_STREAM, socketPair } from "../../src/host/linux/descriptor-message.ts";
import { lockFile } from "../../src/host/linux/file-lock.ts";
import { endFamily, family, type Member } from "../support/family.ts";
import { ROOT } from "../support/paths.ts";
import { seeded } from "../support/seeded.ts";
import { until } from "../support/target.ts";

const PROGRAM = join(ROOT, "dist", "test", "support", "kept-program.js");
const LIMITS = { timeout: 120_000 };

interface Options {
  readonly mode?: "calm" | "busy" | "fails" | "holds-nothing";
  readonly patience?: readonly [perMinute: number, atOnce: number];
}

/** A first daemon, what it and its successors say, and who of them is there. Everything is killed at the end. */
class Kept implements AsyncDisposable {
  readonly dir: string = mkdtempSync(join(tmpdir(), "lyonnais-kept-"));
  readonly lines: string[] = [];
  /** Nobody has the other end of the line any more. */
  closed = false;
  readonly first: ChildProcess;
  readonly #line: Socket;
  complaints = "";

  constructor({ mode = "calm", patience = [1000, 1000] }: Options = {}) {
    const [ours, theirs] = socketPair(SOCK_STREAM);
    const state = openSync(join(this.dir, "state"), "w+");
    this.first = spawn(process.execPath, [PROGRAM, this.dir, ...patience.map(String), mode], {
      stdio: ["ignore", "ignore", "pipe", state, theirs],
    });
    this.first.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.complaints += text;
    });
    closeSync(theirs);
    closeSync(state);
    this.#line = new Socket({ fd: ours });
    this.#line.setEncoding("latin1").on("data", (text) => {
      this.lines.push(...String(text).trim().split("\n"));
    });
    this.#line.on("close", () => {
      this.closed = true;
    });
  }

  get #processes(): ReturnType<typeof family> {
    return family(this.dir);
  }

  /** The one of this kind that is there, or will be. Between fork and exec there seem to be two. */
  async the(kind: Member["kind"], but = 0): Promise<number> {
    let found: number[] = [];
    await until(() => {
      found = this.#processes.filter((member) => member.kind === kind).map(({ pid }) => pid);
      return found.length === 1 && found[0] !== but;
    }, `one ${kind}`);
    return found[0]!;
  }

  /** What the process that was there last found: its pid, the number of it, the names that were held for it. */
  async there(count: number): Promise<{ pid: number; number: number; names: string[] }> {
    const all = () => this.lines.filter((line) => line.startsWith("there "));
    await until(() => all().length >= count, `daemon ${count}`);
    const [, pid, number, ...names] = all().at(-1)!.split(" ");
    return { pid: Number(pid), number: Number(number), names };
  }

  get log(): string {
    return readFileSync(join(this.dir, "log"), "utf8");
  }

  /** The daemon and its keeper; of the second generation, one that the keeper has started. */
  async generation(which: number): Promise<{ pid: number; keeper: number }> {
    const { pid } = await this.there(1);
    const keeper = await this.the("keeper");
    if (which === 1) return { pid, keeper };
    process.kill(pid, "SIGKILL");
    return { pid: (await this.there(2)).pid, keeper };
  }

  async nothingIsLeft(): Promise<void> {
    await until(() => this.closed, "the end of every copy");
    await until(() => this.#processes.length === 0, "the end of every process");
    // A process that ends has no command line before it has no descriptors.
    await until(() => {
      const lock = lockFile(join(this.dir, "lock"));
      if (lock !== undefined) closeSync(lock);
      return lock !== undefined;
    }, "a free lock");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endFamily(this.dir);
    this.#line.destroy();
    rmSync(this.dir, { recursive: true });
    assert.equal(this.complaints, "");
  }
}

const names = (...also: string[]) => ["line", "state", ...also];

test("50 daemons killed at random moments: each successor finds what was held", LIMITS, async () => {
  const begin = Date.now();
  await using kept = new Kept({ mode: "busy" });
  await kept.there(1);
  // So that some are killed before they have begun, some while they take over, most at work.
  const longest = 2.5 * (Date.now() - begin);
  const random = seeded(50);
  let last = 0;
  for (let i = 0; i < 50; i++) {
    last = await kept.the("daemon", last);
    await pause(random(longest));
    process.kill(last, "SIGKILL");
  }
  last = await kept.the("daemon", last);
  await until(() => kept.lines.at(-1)!.startsWith(`there ${last} `), "the last daemon");
  const spoken = kept.lines.map((line) => line.split(" "));
  for (const [i, [, , number, ...found]] of spoken.entries()) {
    // A process may be killed after it has counted and before it says so.
    assert.ok(Number(number) > Number(spoken[i - 1]?.[2] ?? 0), kept.lines.join("\n"));
    if (i > 0) assert.deepEqual(found.slice(0, 2), names());
    const passing = found.slice(2).map((name) => Number(name.slice(1)));
    assert.ok(passing.length <= 2 && (passing.length < 2 || Math.abs(passing[0]! - passing[1]!) === 1), String(found));
  }
  assert.ok(spoken.length > 10, `${spoken.length} of 51 came so far as to speak`);
  assert.equal(kept.closed, false);
  process.kill(last, "SIGUSR2");
  await kept.nothingIsLeft();
});

test("a keeper that is killed is replaced, and the new one does its office", LIMITS, async () => {
  await using kept = new Kept();
  let { pid } = await kept.there(1);
  for (let generation = 2; generation <= 4; generation++) {
    let keeper = 0;
    for (let i = 0; i < 2; i++) {
      keeper = await kept.the("keeper", keeper);
      process.kill(keeper, "SIGKILL");
    }
    keeper = await kept.the("keeper", keeper);
    assert.equal(await kept.the("daemon"), pid);
    process.kill(pid, "SIGKILL");
    const next = await kept.there(generation);
    assert.notEqual(next.pid, pid);
    assert.deepEqual([next.number, next.names.slice(0, 2)], [generation, names()]);
    pid = next.pid;
  }
  process.kill(pid, "SIGUSR2");
  await kept.nothingIsLeft();
});

test("a keeper that dies while a daemon begins is replaced by that one", LIMITS, async () => {
  await using kept = new Kept();
  const { pid } = await kept.there(1);
  const keeper = await kept.the("keeper");
  process.kill(pid, "SIGKILL");
  const next = await kept.the("daemon", pid);
  process.kill(keeper, "SIGKILL");
  assert.deepEqual((await kept.there(2)).pid, next);
  await kept.the("keeper", keeper);
  process.kill(next, "SIGKILL");
  assert.deepEqual((await kept.there(3)).names.slice(0, 2), names());
});

test("two of the three killed in the same moment: nothing is lost, and there are three again", LIMITS, async () => {
  for (const killed of [
    ["daemon", "keeper"],
    ["keeper", "daemon"],
    ["keeper", "guard"],
    ["guard", "daemon"],
  ] as const) {
    for (const generation of [1, 2]) {
      await using kept = new Kept();
      const { pid } = await kept.generation(generation);
      const pids = { daemon: pid, keeper: await kept.the("keeper"), guard: await kept.the("guard") };
      for (const kind of killed) process.kill(pids[kind], "SIGKILL");
      if (killed.some((kind) => kind === "daemon")) {
        const next = await kept.there(generation + 1);
        assert.deepEqual([next.number, next.names.slice(0, 2)], [generation + 1, names()]);
      }
      for (const kind of ["keeper", "guard"] as const) {
        // The guard that had to start a daemon is not one any more; what is left of a pair goes.
        await kept.the(kind, killed.some((each) => each === kind) ? pids[kind] : 0);
      }
      const last = await kept.the("daemon");
      process.kill(last, "SIGUSR2");
      await kept.nothingIsLeft();
    }
  }
});

test(
  "two of the three killed one soon after the other, 40 times: one daemon each time, and what was held",
  LIMITS,
  async (t) => {
    await using kept = new Kept();
    const seed = Number(process.env["LYONNAIS_SEED"] ?? 20261126);
    t.diagnostic(`LYONNAIS_SEED=${seed}`);
    const random = seeded(seed);
    let { pid } = await kept.there(1);
    for (let i = 0; i < 40; i++) {
      const keeper = await kept.the("keeper");
      await kept.the("guard");
      const [first, second] = random(2) === 0 ? [pid, keeper] : [keeper, pid];
      process.kill(first, "SIGKILL");
      await pause(random(60));
      process.kill(second, "SIGKILL");
      const was = pid;
      pid = await kept.the("daemon", was);
      await until(() => kept.lines.at(-1)!.startsWith(`there ${pid} `), "the next daemon");
      assert.deepEqual(kept.lines.at(-1)!.split(" ").slice(3, 5), names());
    }
    process.kill(pid, "SIGUSR2");
    await kept.nothingIsLeft();
  },
);

test("when all three are killed, nothing is left and every copy is closed", LIMITS, async () => {
  for (const generation of [1, 2]) {
    await using kept = new Kept();
    const { pid, keeper } = await kept.generation(generation);
    const all = [pid, keeper, await kept.the("guard")];
    for (const signal of ["SIGSTOP", "SIGKILL"] as const) for (const each of all) process.kill(each, signal);
    await kept.nothingIsLeft();
  }
});

test("after its goodbye nothing is left, also where the keeper is the parent, or is stopped", LIMITS, async () => {
  for (const generation of [1, 2]) {
    await using kept = new Kept();
    const { pid, keeper } = await kept.generation(generation);
    if (generation === 2) process.kill(keeper, "SIGSTOP");
    process.kill(pid, "SIGUSR2");
    await kept.nothingIsLeft();
  }
});

test("a daemon that never lasts is given up: the log says so, every copy is closed", LIMITS, async () => {
  await using kept = new Kept({ mode: "fails", patience: [4, 3] });
  const { pid } = await kept.there(1);
  await kept.the("keeper");
  process.kill(pid, "SIGKILL");
  await kept.nothingIsLeft();
  assert.equal(kept.log.match(/starting it again/g)!.length, 4);
  assert.match(kept.log, /the daemon ended without a word; starting it again\n/);
  assert.match(kept.log, /ended with status 3, 5 times within a minute; giving up: what it kept is closed\n$/);
});

test("no other child gets a descriptor, neither the daemon's nor its successor's", LIMITS, async () => {
  // Whoever started the tests may have left some open to all below.
  const strays = new Set(readdirSync("/proc/self/fd").filter((fd) => !closesOnExec(process.pid, fd)));
  await using kept = new Kept();
  let { pid } = await kept.there(1);
  await kept.the("keeper");
  for (const generation of [1, 2]) {
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      if (Number(fd) <= 2 || strays.has(fd)) continue;
      assert.ok(closesOnExec(pid, fd), `descriptor ${fd} of daemon ${generation}`);
    }
    process.kill(pid, "SIGUSR1");
    const children = () => kept.lines.filter((line) => line.startsWith("child has "));
    await until(() => children().length === generation, "the child");
    const [, , ...has] = children().at(-1)!.split(" ");
    assert.deepEqual(
      has.filter((fd) => !strays.has(fd)),
      ["0", "1", "2", "3"],
    );
    process.kill(pid, "SIGKILL");
    ({ pid } = await kept.there(generation + 1));
  }
});

/** Of one that is open only for a moment, nothing is known. */
function closesOnExec(pid: number, fd: string): boolean {
  const path = `/proc/${pid}/fdinfo/${fd}`;
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch {
    return true;
  }
  return (Number.parseInt(/^flags:\s*(\d+)/m.exec(text)![1]!, 8) & 0o2000000) !== 0;
}

test("the keeper is small", LIMITS, async () => {
  await using kept = new Kept();
  await kept.there(1);
  const keeper = await kept.the("keeper");
  const resident = Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${keeper}/status`, "latin1"))![1]);
  assert.ok(resident < 8192, `${resident} kB`);
});

test("no keeper before the first descriptor", LIMITS, async () => {
  await using kept = new Kept({ mode: "holds-nothing" });
  await kept.there(1);
  assert.deepEqual(
    family(kept.dir).map(({ kind }) => kind),
    ["daemon"],
  );
  kept.first.kill("SIGUSR2");
  assert.deepEqual(await once(kept.first, "exit"), [0, null]);
});
