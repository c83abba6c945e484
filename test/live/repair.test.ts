/** Signals while a trapped call waits to be received: no call fails with EINTR that would not without accounting. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { Accounting } from "../support/limited.ts";
import { program } from "../support/programs.ts";
import { untilAsync } from "../support/target.ts";

const WELL = "EINTR 0 other 0\n";
const signalled = program("signalled");
/** How often the pipelines are run: LYONNAIS_PIPELINE_ROUNDS=100 for the whole proof. */
const ROUNDS = Number(process.env["LYONNAIS_PIPELINE_ROUNDS"] ?? 2);
const has = (command: string): boolean => spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;

const tracerOf = (pid: number): number =>
  Number(/^TracerPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))![1]);
const isGone = (pid: number): boolean =>
  !existsSync(`/proc/${pid}`) || /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));

for (const [way, usec, n] of [
  ["mmap", 1000, 5000],
  ["mmap", 10000, 5000],
  ["brk", 1000, 5000],
  ["sbrk", 1000, 5000],
  ["fork", 1000, 200],
  ["fork", 10000, 200],
  ["longjmp", 1000, 5000],
  ["changes", 1000, 3000],
  ["masks", 1000, 3000],
  ["threads", 0, 1000],
  ["storm", 0, 2000],
  ["jobs", 0, 20],
  ["waits", 0, 20],
] as const) {
  test(`${way}, ${n} times${usec > 0 ? ` with a timer of ${usec} µs` : ""}: none fails`, (t) => {
    const ran = new Accounting(t).run("-w", "4g", "--", signalled, way, String(usec), String(n));
    assert.deepEqual(ran, { code: 0, signal: null, out: WELL, err: "" });
  });
}

test("without the repair calls are interrupted, so the tests above can fail; and nothing has a tracer", (t) => {
  const place = new Accounting(t);
  const { out } = place.run("--no-repair", "--", signalled, "mmap", "300", "20000");
  assert.match(out, /^EINTR [1-9]\d* other 0$/m);
  const script = "trap : USR1; kill -USR1 $$; grep TracerPid /proc/$$/status";
  assert.equal(place.run("--no-repair", "--", "bash", "-c", script).out, "TracerPid:\t0\n");
});

test("pipelines of dash are what they are without", { skip: !has("dash") }, (t) => {
  const place = new Accounting(t);
  const script = "for i in $(seq 40); do echo $i | tr 1 2 | cat | wc -c; done";
  const plain = spawnSync("dash", ["-c", script], { encoding: "utf8" });
  for (let i = 0; i < ROUNDS; i++) {
    const { code, out, err } = place.run("-w", "4g", "--", "dash", "-c", script);
    assert.deepEqual({ code, out, err }, { code: plain.status, out: plain.stdout, err: plain.stderr });
  }
});

test("perl with a timer makes lists and forks", { skip: !has("perl") }, (t) => {
  const script = `use Time::HiRes qw(setitimer ITIMER_REAL); $SIG{ALRM} = sub { $n++ }; setitimer(ITIMER_REAL, 0.005, 0.005);
    push @a, "x" x 3000 for 1 .. 20000; for (1 .. 50) { my $p = fork; $f++ unless defined $p; if (defined $p && !$p) { exec "/bin/true" } waitpid $p, 0 }
    setitimer(ITIMER_REAL, 0, 0); print scalar(@a), " ", $f + 0, " ", $n > 0 ? "signals" : "none", "\\n"`;
  const ran = new Accounting(t).run("-w", "4g", "--", "perl", "-e", script);
  assert.deepEqual(ran, { code: 0, signal: null, out: "20000 0 signals\n", err: "" });
});

test("python with a timer maps and forks", { skip: !has("python3") }, (t) => {
  const script = `
import signal, os, mmap
n = f = m = 0
def h(*a):
    global n; n += 1
signal.signal(signal.SIGALRM, h); signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
for i in range(50):
    try:
        p = os.fork()
        if p == 0: os._exit(0)
        os.waitpid(p, 0)
    except InterruptedError: f += 1
for i in range(3000):
    try: mmap.mmap(-1, 4096).close()
    except OSError: m += 1
signal.setitimer(signal.ITIMER_REAL, 0); signal.signal(signal.SIGALRM, signal.SIG_IGN)
print(f, m, n > 0)`;
  const ran = new Accounting(t).run("-w", "4g", "--", "python3", "-c", script);
  assert.deepEqual(ran, { code: 0, signal: null, out: "0 0 True\n", err: "" });
});

test("gdb and strace get the processes that they start, and those that run", {
  skip: !has("gdb") || !has("strace"),
}, (t) => {
  const place = new Accounting(t);
  // bash catches SIGUSR1 and is seized; its subshells inherit that.
  const catching = (command: string): ReturnType<Accounting["run"]> =>
    place.run("--", "bash", "-c", `trap : USR1; ${command}`);
  const started = catching("strace -f -o /dev/null bash -c 'trap : USR1; /bin/true; echo traced'");
  assert.deepEqual(started, { code: 0, signal: null, out: "traced\n", err: "" });
  const debugged = catching("gdb -q -batch -ex run -ex 'print 6*7' --args /bin/true 2>&1");
  assert.match(debugged.out, /exited normally[\s\S]*= 42/);
  const running = catching(
    '(trap : USR2; while :; do :; done) & child=$!; strace -o /dev/null -p $child & strace=$!; until grep -q "TracerPid:.$strace" /proc/$child/status; do :; done; echo got it; kill $strace; wait $strace; kill -KILL $child',
  );
  assert.equal(running.out, "got it\n", running.err);
});

/** A control word, from the one session of this test. */
function word(place: Accounting, pid: number, text: string): void {
  const { code, err } = place.command("write", `${pid}/ctl`, text);
  assert.deepEqual([code, err], [0, ""], text);
}

/** A program under accounting that catches a signal without SA_RESTART and answers lines; seized, by whom. */
async function seized(
  t: TestContext,
): Promise<{ place: Accounting; words: Awaited<ReturnType<Accounting["words"]>>; repairer: number }> {
  const place = new Accounting(t);
  const words = await place.words(
    ["-w", "1g"],
    ["bash", "-c", "trap 'n=$((n+1))' USR1; echo ready; while read -r line; do eval \"$line\"; done"],
  );
  const repairer = tracerOf(words.pid);
  assert.notEqual(repairer, 0);
  return { place, words, repairer };
}

test("the word release gives the place to a tracer from outside", { skip: !has("strace") }, async (t) => {
  const { place, words } = await seized(t);
  await using _ = words;
  const attach = (): string =>
    spawnSync("timeout", ["3", "strace", "-o", "/dev/null", "-p", String(words.pid)], { encoding: "utf8" }).stderr;
  assert.match(attach(), /Operation not permitted/);
  word(place, words.pid, "release");
  assert.equal(tracerOf(words.pid), 0);
  assert.match(attach(), /attached/);
  assert.equal(await words.ask("trap 'n=1' USR2; echo still"), "still");
  assert.equal(tracerOf(words.pid), 0, "it stays free");
});

test("attach and regs share the place, and give it back", async (t) => {
  const { place, words, repairer } = await seized(t);
  await using _ = words;
  const pid = words.pid;
  assert.equal(place.command("cat", `${pid}/regs`).out.length > 0, true);
  await untilAsync(async () => tracerOf(pid) === repairer, "the repairer has it back");
  word(place, pid, "attach");
  word(place, pid, "wait");
  assert.equal(tracerOf(pid), await place.daemon());
  word(place, pid, "detach");
  await untilAsync(async () => tracerOf(pid) === repairer, "the repairer has it back");
  assert.equal(await words.ask("echo alive"), "alive");
});

test("a repairer that is killed is replaced, and its processes do not notice", async (t) => {
  const { words, repairer } = await seized(t);
  await using _ = words;
  for (let killed = repairer, i = 0; i < 3; i++) {
    process.kill(killed, "SIGKILL");
    await untilAsync(async () => ![0, killed].includes(tracerOf(words.pid)), "another repairer");
    killed = tracerOf(words.pid);
    assert.equal(await words.ask("x=$(echo in a subshell); echo $x"), "in a subshell");
  }
});

test("the daemon is killed while signals come: its successor's processes are repaired, and nothing fails", async (t) => {
  const place = new Accounting(t);
  await place.patientDaemon();
  const words = await place.words(
    ["-w", "1g"],
    ["bash", "-c", `trap : USR1; echo ready; read line; ${signalled} mmap 1000 30000; echo ended`],
  );
  await using _ = words;
  words.child.stdin!.write("go\n");
  const first = await place.daemon();
  for (let i = 0, daemon = first; i < 3; i++) {
    process.kill(daemon, "SIGKILL");
    await untilAsync(async () => isGone(daemon), "the end of the daemon");
    daemon = await place.daemon();
  }
  assert.equal(await words.next(), WELL.trimEnd());
  assert.equal(await words.next(), "ended");
});

test("a process that keeps the repairer waiting is left alone; others are repaired again, and none waits", async (t) => {
  // Only root may have the kernel itself wait for such memory.
  const place = new Accounting(t, 0);
  const script = `trap : USR1; echo ready; while read -r line; do eval "$line"; done`;
  const other = await place.words(["-w", "1g", "--count-only"], ["bash", "-c", script]);
  await using _ = other;
  const first = tracerOf(other.pid);
  const hostile = await place.words(["-w", "1g", "--count-only"], [program("never-read")]);
  await using __ = hostile;
  assert.equal(await other.ask("x=$(echo goes on); echo $x"), "goes on");
  await untilAsync(async () => ![0, first].includes(tracerOf(other.pid)), "another repairer");
  assert.match(
    readFileSync(`${place.dir}/own/lyonnais/server.log`, "utf8"),
    new RegExp(`dealt with thread ${hostile.pid}, which is left alone`),
  );
  const repairer = tracerOf(other.pid);
  assert.equal(await other.ask("trap : USR2; x=$(echo goes on); echo $x"), "goes on");
  assert.equal(tracerOf(other.pid), repairer);
});

test("who may not trace a process cannot have it let go", {
  skip: process.geteuid!() !== 0 || !has("strace") || !has("setpriv"),
}, async (t) => {
  const place = new Accounting(t, 0);
  const words = await place.words(
    ["-w", "1g", "--count-only"],
    ["bash", "-c", 'trap : USR1; echo ready; while read -r line; do eval "$line"; done'],
  );
  await using _ = words;
  const repairer = tracerOf(words.pid);
  const { out, err } = place.run(
    "--",
    "setpriv",
    "--reuid",
    "61001",
    "--clear-groups",
    "strace",
    "-o",
    "/dev/null",
    "-p",
    String(words.pid),
  );
  assert.match(out + err, /Operation not permitted/);
  assert.equal(tracerOf(words.pid), repairer);
});
