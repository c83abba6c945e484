/** The command line as a person and a script use it: exit codes, one-line errors, the shell through a pipe and a terminal. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CLI, ROOT } from "../support/paths.ts";
import { Target, until } from "../support/target.ts";

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function lyonnais(args: readonly string[], input = ""): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
    input,
    encoding: "latin1",
    timeout: 30_000,
  });
  return { code: status, out: stdout, err: stderr };
}

test("--version is package.json's; --help lists every command", () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  assert.deepEqual(lyonnais(["--version"]), { code: 0, out: `${version}\n`, err: "" });
  const help = lyonnais(["--help"]);
  assert.equal(help.code, 0);
  for (const name of ["start", "mount", "umount", "shell", "ls", "cat", "write", "doctor"]) {
    assert.match(help.out, new RegExp(`^ {2}${name}\\b`, "m"));
  }
});

const WRONG_USAGE: readonly (readonly [args: readonly string[], line: RegExp])[] = [
  [["lss"], /^lyonnais: unknown command 'lss'; did you mean ls\?\n$/],
  [["ls", "--bogus"], /^lyonnais: unknown option '--bogus'; .*\n$/],
  [["cat"], /^lyonnais: missing required argument 'path'; .*\n$/],
  [["umount", "a", "b"], /^lyonnais: too many arguments.*\n$/],
  [["vm", "check"], /^lyonnais: missing required argument 'file'; .*\n$/],
  [["vm", "check", "--rules", "linux", "x"], /^lyonnais: option '--rules <set>' argument 'linux' is invalid.*\n$/],
];
for (const [args, line] of WRONG_USAGE) {
  test(`wrong usage exits 2: ${args.join(" ")}`, () => {
    const ran = lyonnais(args);
    assert.deepEqual([ran.code, ran.out], [2, ""]);
    assert.match(ran.err, line);
  });
}

const FAILURES: readonly (readonly [args: readonly string[], line: RegExp])[] = [
  [["ls", "/nope"], /^lyonnais: ls \/nope: ENOENT: .*\n$/],
  [["cat", "curproc"], /^lyonnais: cat curproc: EISDIR: .*\n$/],
  [["write", "curproc/ctl", "frobnicate"], /^lyonnais: write curproc\/ctl: EOPNOTSUPP: .*frobnicate.*\n$/],
  [["mount", "-o", "nope", "/tmp"], /^lyonnais: mount \/tmp: EINVAL: no mount option nope; .*allow_other.*\n$/],
  [["umount", "/"], /^lyonnais: umount \/: EINVAL: .*\n$/],
  [["start", "/proc/nope/deeper"], /^lyonnais: start \S+: ENOENT: .*\n$/],
  [["vm", "check", "/nope"], /^lyonnais: vm check \/nope: ENOENT: .*\n$/],
  [["ls", "a\nb\x1b[31m"], /^lyonnais: ls a\\012b\\033\[31m: ENOENT: .*\n$/],
];
for (const [args, line] of FAILURES) {
  test(`failure exits 1 with one line: ${JSON.stringify(args.join(" "))}`, () => {
    const ran = lyonnais(args);
    assert.equal(ran.code, 1);
    assert.match(ran.err, line);
  });
}

test("cat goes on after a file that fails, and fails", () => {
  const ran = lyonnais(["cat", "nope/status", "curproc/status"]);
  assert.equal(ran.code, 1);
  assert.match(ran.out, /^lyonnais \d+ /);
  assert.match(ran.err, /^lyonnais: cat nope\/status: ENOENT: [^\n]*\n$/);
});

test("a path may begin with a slash or not", async () => {
  await using target = await Target.start("sleeper");
  for (const path of [`${target.pid}/status`, `/${target.pid}/status`]) {
    assert.match(lyonnais(["cat", path]).out, new RegExp(`^sleeper ${target.pid} `));
  }
  const listing = lyonnais(["ls", "-li", String(target.pid)]).out;
  assert.match(listing, new RegExp(`^total \\d+\n *${8 * (target.pid + 1) + 2} l.* file -> ${target.binary}\n`));
  assert.equal(lyonnais(["ls", "-l", `${target.pid}/status`]).out.split("\n").length, 2);
});

test("write sends its word as it is; - is standard input", async () => {
  await using target = await Target.start("sleeper");
  assert.deepEqual(lyonnais(["write", `${target.pid}/note`, "-"], "term\n"), { code: 0, out: "", err: "" });
  assert.deepEqual(await target.exit(), { code: null, signal: "SIGTERM" });
  assert.match(lyonnais(["write", `${target.pid}/note`, "term"]).err, /: ENOENT: /);
});

test("write without a daemon says that what it attached is let go again", async () => {
  await using target = await Target.start("sleeper");
  const { code, out, err } = lyonnais(["write", `${target.pid}/ctl`, "attach; wait; step"]);
  assert.deepEqual({ code, out }, { code: 0, out: "" });
  assert.match(err, /^lyonnais: write: done, and the process is let go again: .*lyonnais daemon\n$/);
  assert.equal(target.field("TracerPid"), "0");
});

test("a reader that leaves is no error", () => {
  const command = `"${process.execPath}" "${CLI}" ls -li | head -n 1; echo "$\{PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", command], { encoding: "utf8" });
  assert.match(stdout, /^total \d+\n0\n$/);
  assert.equal(stderr, "");
});

test("the shell as a script debugs a process and lets it go", async () => {
  await using target = await Target.start("sleeper");
  const script = `cd ${target.pid}\npwd\necho attach > ctl\necho wait > ctl\nxxd regs 0 16\necho detach > ctl\n`;
  const ran = lyonnais(["shell"], script);
  assert.deepEqual([ran.code, ran.err], [0, ""]);
  assert.match(ran.out, new RegExp(`^/${target.pid}\n00000000: ([0-9a-f]{4} ){8} .{16}\n$`));
  assert.equal(target.field("TracerPid"), "0");
});

test("a script that leaves a process attached lets it go at its end", async () => {
  await using target = await Target.start("sleeper");
  const ran = lyonnais(["shell"], `echo attach > ${target.pid}/ctl\necho wait > ${target.pid}/ctl\n`);
  assert.deepEqual([ran.code, ran.err], [0, ""]);
  assert.equal(target.field("TracerPid"), "0");
  await until(() => target.field("State").startsWith("S"), "the target sleeps again");
});

test("a script with errors tells their lines and exits 1", () => {
  const ran = lyonnais(["shell"], "bogus\npwd\ncat nope\n");
  assert.deepEqual([ran.code, ran.out], [1, "/\n"]);
  assert.match(ran.err, /^lyonnais: line 1: EINVAL: .*\nlyonnais: line 3: ENOENT: .*\n$/);
});

test("a script of the shell waits for a process, also in a session that nothing is left of but the shell", async () => {
  const target = spawn("cat", { stdio: ["pipe", "ignore", "inherit"] });
  const ended = once(target, "exit");
  const field = (pid: number | string | undefined, name: string): string | undefined =>
    new RegExp(`^${name}:\\t(\\S+)`, "m").exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  // The step is over when there is something to read.
  const words = ["attach", "wait", "step"].map((word) => `echo ${word} > ${target.pid}/ctl\n`).join("");
  const script = `${words}pwd\necho wait > ${target.pid}/ctl\necho detach > ${target.pid}/ctl\n`;
  const alone = `exec 3<&0; { while [ -e /proc/$$ ]; do :; done; "$@" <&3; echo "code $?"; } 2>&1 &`;
  const shell = spawn("setsid", ["sh", "-c", alone, "sh", process.execPath, CLI, "shell"]);
  let said = "";
  for (const stream of [shell.stdout, shell.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
  const closed = once(shell, "close");
  shell.stdin.end(script);
  try {
    await until(() => said.startsWith("/\n"), "the step");
    const tracer = field(target.pid, "TracerPid");
    await until(() => said.includes("code") || field(tracer, "State") === "S", "the shell to wait");
  } finally {
    target.stdin.end("\n");
  }
  await closed;
  assert.equal(said, "/\ncode 0\n");
  assert.deepEqual(await ended, [0, null]);
});

test("doctor --json is one list that says the same as the table, and exits 0 where the shell can work", () => {
  const json = lyonnais(["doctor", "--json"]);
  const found: { name: string; verdict: string; detail: string; remedy?: string }[] = JSON.parse(json.out);
  assert.ok(found.length >= 14);
  for (const row of found) {
    assert.match(row.verdict, /^(ok|warn|missing)$/);
    assert.equal(row.remedy === undefined, row.verdict === "ok", row.name);
  }
  const table = lyonnais(["doctor"]);
  assert.deepEqual([json.code, table.code], [0, 0]);
  for (const { name, verdict } of found) assert.match(table.out, new RegExp(`^${verdict} +${name}`, "m"));
});

test("doctor looks at all of this", () => {
  const found: { name: string }[] = JSON.parse(lyonnais(["doctor", "--json"]).out);
  const names = [
    "processor",
    "node",
    "kernel",
    "/dev/fuse",
    "fusermount3",
    "user_allow_other",
    "user name",
    "mount",
    "FUSE resend",
  ];
  names.push(
    "ptrace",
    "Yama",
    "security modules",
    "capabilities",
    "user namespace",
    "/proc",
    "pidfd",
    "PIDFD_GET_INFO",
    "PROCMAP_QUERY",
    "seccomp notify",
    "seccomp killable",
  );
  assert.deepEqual(
    found.map(({ name }) => name),
    [...names, "limits", "limits of users", "signals", "daemon", "open files"],
  );
});

test("doctor warns of what is short here and says what to do", () => {
  const command = `ulimit -n 200; PATH=/nowhere exec "${process.execPath}" "${CLI}" doctor`;
  const { stdout, status } = spawnSync("bash", ["-c", command], { encoding: "utf8" });
  assert.equal(status, 0);
  assert.match(stdout, /^warn +open files +at most 200: .*\n +→ .*ulimit -n/m);
  assert.match(stdout, /^(warn|missing) +fusermount3 +not found\n +→ .*fuse3/m);
});

/** `lyonnais shell` on a pseudo-terminal made by script(1); `says` resolves once the screen has shown a text since the last call. */
class Terminal implements AsyncDisposable {
  readonly state: string = mkdtempSync(join(tmpdir(), "lyonnais-state-"));
  readonly #child;
  #screen = "";
  #closed = false;
  #changed = (): void => {};

  constructor() {
    const command = `'${process.execPath}' '${CLI}' shell`;
    this.#child = spawn("script", ["-qec", command, "/dev/null"], {
      env: { ...process.env, XDG_STATE_HOME: this.state, TERM: "xterm" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout.setEncoding("latin1").on("data", (text: string) => {
      this.#screen += text;
      this.#changed();
    });
    this.#child.on("close", () => {
      this.#closed = true;
      this.#changed();
    });
  }

  async says(text: string): Promise<void> {
    while (!this.#screen.includes(text)) {
      if (this.#closed) assert.fail(`closed without ${JSON.stringify(text)}: ${JSON.stringify(this.#screen)}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    this.#screen = this.#screen.slice(this.#screen.indexOf(text) + text.length);
  }

  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  async code(): Promise<number | null> {
    if (this.#child.exitCode === null) await once(this.#child, "exit");
    return this.#child.exitCode;
  }

  history(): string {
    return readFileSync(join(this.state, "lyonnais", "history"), "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
      await once(this.#child, "exit");
    }
    rmSync(this.state, { recursive: true, force: true });
  }
}

const ON_A_TERMINAL = {
  skip: spawnSync("script", ["--version"]).status === 0 ? false : "needs script(1)",
  timeout: 30_000,
};

test("at a terminal: prompt, completion, history, Ctrl-D", ON_A_TERMINAL, async () => {
  await using target = await Target.start("sleeper");
  await using terminal = new Terminal();
  await terminal.says("proc:/> ");
  terminal.type(`cd ${target.pid}\r`);
  await terminal.says(`proc:/${target.pid}> `);
  terminal.type("cat stat");
  await terminal.says("stat");
  terminal.type("\t");
  await terminal.says("us ");
  terminal.type("\r");
  await terminal.says(`sleeper ${target.pid} `);
  await terminal.says(`proc:/${target.pid}> `);
  terminal.type("\x1b[A\x1b[A");
  await terminal.says(`cd ${target.pid}`);
  terminal.type("\r");
  await terminal.says("ENOENT");
  await terminal.says(`proc:/${target.pid}> `);
  terminal.type("\x04");
  assert.equal(await terminal.code(), 0);
  assert.deepEqual(terminal.history().trimEnd().split("\n"), ["cat status ", `cd ${target.pid}`]);
});

test("at a terminal: Ctrl-C ends what waits and throws away what is typed", ON_A_TERMINAL, async () => {
  await using target = await Target.start("sleeper");
  await using terminal = new Terminal();
  await terminal.says("proc:/> ");
  terminal.type(`echo wait > ${target.pid}/ctl\r`);
  await terminal.says("ctl\r");
  terminal.type("\x03");
  await terminal.says("EINTR");
  await terminal.says("proc:/> ");
  terminal.type("bogus\x03");
  await terminal.says("proc:/> ");
  terminal.type("pwd\r");
  await terminal.says("\n/\r\n");
  terminal.type("exit\r");
  assert.equal(await terminal.code(), 0);
});
