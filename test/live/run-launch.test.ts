/** What a command finds that `lyonnais run` has become: what it would have found without. And the daemon that it leaves alone. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { Socket } from "node:net";
import { basename, dirname, join, relative } from "node:path";
import { type TestContext, test } from "node:test";
import { SOCK_STREAM, socketPair } from "../../src/host/linux/descriptor-message.ts";
import { Accounting, LYONNAIS, UID } from "../support/limited.ts";
import { program } from "../support/programs.ts";
import { until } from "../support/target.ts";

const LAUNCHED = program("launched");
/** HUP, INT, PIPE, TERM, XFSZ and two real-time ones ignored, USR1, USR2, SIGTERM and another blocked. */
const IGNORED = "1,2,3,13,25,40,64";
const BLOCKED = "10,12,15,35";

/** What a command prints; also without standard error. */
function output(place: Accounting, command: readonly string[], env: NodeJS.ProcessEnv = place.env): string {
  const ran = spawnSync(command[0]!, command.slice(1), { ...place.options, env, encoding: "latin1", timeout: 60_000 });
  assert.deepEqual([ran.status, ran.stderr], [0, ""], command.join(" ").slice(0, 200));
  return ran.stdout;
}

const sorted = (text: string): string[] => text.trim().split("\n").sort();

/** A directory of the user's own. */
const own = (place: Accounting): string => join(place.dir, "own");

/** A file that the user may run. */
function script(t: TestContext, text: string | Buffer, name: string | Buffer): Accounting {
  const place = new Accounting(t);
  const path = Buffer.concat([Buffer.from(`${place.dir}/`), Buffer.from(name)]);
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return place;
}

test("the command has no child that it has not made, also when the daemon was started for it", async (t) => {
  const place = new Accounting(t);
  const ECHILD = "10\n";
  assert.equal(place.run("--", LAUNCHED, "wait").out, ECHILD);
  const daemon = await place.daemon();
  const stat = readFileSync(`/proc/${daemon}/stat`, "latin1").replace(/^.*\) /s, "");
  const [, parent, group, session] = stat.split(" ").map(Number);
  assert.equal(group, session);
  assert.notEqual(
    session,
    Number(
      readFileSync("/proc/self/stat", "latin1")
        .replace(/^.*\) /s, "")
        .split(" ")[3],
    ),
  );
  assert.notEqual(parent, process.pid);
  // Node ignores SIGPIPE and SIGXFSZ; a shell would have what it starts in the background ignore SIGINT and SIGQUIT.
  assert.match(readFileSync(`/proc/${daemon}/status`, "latin1"), /^SigIgn:\t0000000001001000$/m);
});

test("the daemon holds nothing of where it was started: no directory, no descriptor", {
  timeout: 60_000,
}, async (t) => {
  const place = new Accounting(t);
  const [ours, theirs] = socketPair(SOCK_STREAM);
  const stdio = [...Array.from({ length: 40 }, () => "ignore" as const), theirs];
  const options = { ...place.options, cwd: own(place), stdio };
  // Relative to where it is started: they mean the same to the daemon, and to the one that its keeper starts.
  const env = { ...place.env, LYONNAIS_RUNTIME_DIR: "run", XDG_STATE_HOME: "." };
  assert.equal(spawnSync(LYONNAIS, ["daemon"], { ...options, env }).status, 0);
  closeSync(theirs);
  const line = new Socket({ fd: ours });
  await once(line.resume(), "close");
  await using words = await place.words([]);
  const first = await place.daemon();
  assert.equal(readlinkSync(`/proc/${first}/cwd`), "/");
  process.kill(first, "SIGKILL");
  await words.do("map 10 3");
  const second = await place.daemon();
  assert.notEqual(second, first);
  assert.equal(readlinkSync(`/proc/${second}/cwd`), "/");
  assert.deepEqual(readdirSync(own(place)).sort(), ["lyonnais", "run"]);
});

test("a foreground command's relative directory is its caller's", async (t) => {
  const place = new Accounting(t);
  const dir = own(place);
  const from = relative("/", dir);
  const ran = spawnSync(LYONNAIS, ["mount", join(from, "none")], { ...place.options, encoding: "utf8" });
  assert.match(ran.stderr, /^lyonnais: mount \S+: ENOENT: /);
  assert.ok(ran.stderr.includes(`${dir}/none`), ran.stderr);
});

test("signals that are ignored or blocked stay so", async (t) => {
  const place = new Accounting(t);
  const signals = (...launcher: string[]): string[] => {
    const text = output(place, [LAUNCHED, "as", IGNORED, BLOCKED, ...launcher, "cat", "/proc/self/status"]);
    return text.split("\n").filter((line) => /^(Sig(Pnd|Blk|Ign|Cgt)|ShdPnd):/.test(line));
  };
  const direct = signals();
  assert.match(direct.join(), /SigBlk:\t0000000400004a00,SigIgn:\t8000008001001007/);
  assert.deepEqual(signals(LYONNAIS, "run"), direct);
  const hangup = `trap '' HUP; exec ${LYONNAIS} run -- sh -c 'kill -HUP $$; echo survived'`;
  assert.equal(output(place, ["sh", "-c", hangup]), "survived\n");
});

test("an ignored SIGCHLD stays so where the shell knows of it, and what it ignores itself does not", {
  skip: !existsSync("/bin/bash"),
}, async (t) => {
  const place = new Accounting(t);
  for (const shell of [
    ["bash", LYONNAIS],
    ["bash", "--posix", LYONNAIS],
  ]) {
    for (const [ignored, set] of [
      ["17", "0000000000010000"],
      ["3,17", "0000000000010004"],
      ["-", "0000000000000000"],
    ] as const) {
      const text = output(place, [LAUNCHED, "as", ignored, "-", ...shell, "run", "cat", "/proc/self/status"]);
      assert.equal(/^SigIgn:\t(.*)$/m.exec(text)?.[1], set);
    }
  }
});

test("environment and arguments arrive byte by byte", async (t) => {
  const place = new Accounting(t);
  const env: NodeJS.ProcessEnv = {
    ...place.env,
    // Of the shell that prepares the command.
    ...{ name: "n", value: "v", fd: "9", one: "1", two: "2", soft: "s", rest: "r", self: "me", lyonnais_fd: "x" },
    ...{ IFS: ":", OPTIND: "7", PS4: "p", LYONNAIS_FDS: "0 1", LYONNAIS_ENVIRON: "e" },
    ...{ "BASH_FUNC_foo%%": "() { echo; }", "foo.bar": "1", EMPTY: "", LINES_OF: "one\ntwo\n" },
    ...{ NODE_OPTIONS: "--no-such-option", NODE_CHANNEL_FD: "77", NODE_DEBUG: "net" },
  };
  const { PWD: _, ...withoutPwd } = env;
  const bytes = [
    "with",
    "NOT_UTF8=\\xff\\xe9\\x80-\\xc3",
    LAUNCHED,
    "with",
    "no equals sign",
    LAUNCHED,
    "with",
    "=C:=d",
  ];
  const words = ["", "--", "-x", "--", "a b", "\\", "'", "ends with newline\n"];
  for (const given of [env, withoutPwd]) {
    const dumped = (...launcher: string[]): string =>
      output(place, [LAUNCHED, ...bytes, ...launcher, LAUNCHED, "dump", ...words], given);
    const direct = dumped();
    assert.match(direct, /4e4f545f555446383dffe9802dc3\n/);
    assert.equal(dumped(LYONNAIS, "run"), direct);
    assert.equal(dumped(LYONNAIS, "run", "--"), direct);
  }
  const every = Array.from({ length: 255 }, (_, i) => `\\${(i + 1).toString(8).padStart(3, "0")}`).join("");
  const odd = (launcher: string): string =>
    output(place, ["sh", "-c", `exec ${launcher} ${LAUNCHED} dump "$(printf '${every}x')" "$(printf '\\303')"`]);
  assert.equal(odd(`${LYONNAIS} run`), odd(""));
});

test("an environment that is too large to be noted, or cannot be, is the command's all the same", async (t) => {
  const place = new Accounting(t);
  const dumped = (env: NodeJS.ProcessEnv, ...launcher: string[]): string[] =>
    sorted(output(place, [...launcher, LAUNCHED, "dump"], env));
  // Where it is none of the current directory's names, the shell corrects it.
  const env = { ...place.env, PWD: "/" };
  const large = {
    ...env,
    LARGE: "x".repeat(100_000),
    NODE_OPTIONS: "--no-such-option",
    OTHER: "y".repeat(30_000),
  };
  assert.deepEqual(dumped(large, LYONNAIS, "run"), dumped(large));
  // Nothing but what the launcher cannot do without.
  const tools = join(place.dir, "tools");
  mkdirSync(tools);
  symlinkSync(process.execPath, join(tools, "node"));
  symlinkSync("/bin/readlink", join(tools, "readlink"));
  const bare = { ...env, PATH: tools, NODE_OPTIONS: "--no-such-option" };
  assert.deepEqual(dumped(bare, LYONNAIS, "run"), dumped(bare));
});

test("the daemon has no note that was made for the command", async (t) => {
  const place = new Accounting(t);
  const env = { ...place.env, NODE_OPTIONS: "--no-such-option" };
  assert.equal(output(place, [LYONNAIS, "run", "sh", "-c", "echo $NODE_OPTIONS"], env), "--no-such-option\n");
  const names = readFileSync(`/proc/${await place.daemon()}/environ`, "latin1").match(/(?<=^|\0)(LYONNAIS|NODE)_\w+/g);
  const expected = Object.keys(place.env).filter((name) => /^NODE_(?!EXTRA_CA_CERTS)/.test(name));
  assert.deepEqual(new Set(names), new Set(["LYONNAIS_READY", "LYONNAIS_RUNTIME_DIR", ...expected]));
});

test("a script that names no interpreter is the shell's, and a name need not be UTF-8", async (t) => {
  const place = script(t, 'echo "$0" "$@"\n', "plain");
  const path = join(place.dir, "plain");
  assert.deepEqual(place.run("--", path, "a b", "c"), { code: 0, signal: null, out: `${path} a b c\n`, err: "" });
  const env = { ...place.env, PATH: `${place.dir}:${place.env["PATH"]}` };
  assert.equal(output(place, [LYONNAIS, "run", "plain"], env), `${path}\n`);
  const odd = script(t, "#!/bin/sh\necho odd\n", Buffer.from("odd\xe9", "latin1"));
  assert.equal(output(odd, ["sh", "-c", `exec ${LYONNAIS} run "$(printf '${odd.dir}/odd\\351')"`]), "odd\n");
});

test("a daemon that cannot go on says why and ends; the next one goes on", async (t) => {
  const place = new Accounting(t);
  await using words = await place.words(["-w", "64m"]);
  const first = await place.daemon();
  const inFlight = join(dirname(place.socket), "in-flight");
  const log = join(own(place), "lyonnais", "server.log");
  rmSync(inFlight);
  // Memory cannot be mapped from it.
  symlinkSync("/dev/null", inFlight);
  process.kill(first, "SIGKILL");
  const why = `lyonnais: daemon: ENODEV: ${inFlight}\nlyonnais: keeper: the daemon ended with status 1; starting it again\n`;
  await until(() => readFileSync(log, "utf8").includes(why), "the second try");
  rmSync(inFlight);
  await words.do("map 10 3");
  assert.equal(await words.ask("map 17000 3"), "ENOMEM");
  assert.doesNotMatch(readFileSync(log, "utf8"), /EADDRINUSE|EBUSY/);
});

test("a daemon that cannot begin leaves its place to the next", async (t) => {
  const place = new Accounting(t);
  assert.equal(place.run("true").code, 0);
  // It stops, or has stopped already because it was of no use any more.
  assert.match(place.command("stop").err, /^(lyonnais: stop: ESRCH: [^\n]*\n)?$/);
  const inFlight = join(dirname(place.socket), "in-flight");
  rmSync(inFlight);
  mkdirSync(inFlight);
  const { code, err } = place.run("true");
  assert.equal(code, 126);
  assert.match(err, /^lyonnais: daemon: EISDIR: [^\n]*in-flight'\n$/);
  rmSync(inFlight, { recursive: true });
  assert.deepEqual(place.run("echo", basename(inFlight)), { code: 0, signal: null, out: "in-flight\n", err: "" });
});

test("commands that start at once are counted as what they become: none is refused for what starts them", async (t) => {
  const place = new Accounting(t);
  await using _first = await place.words(["-w", "300m"]);
  const one = (): Promise<string> => {
    const child = spawn(LYONNAIS, ["run", "-w", "300m", "--", "sh", "-c", "true; echo ok"], {
      ...place.options,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    // Its end may be told before what it has said.
    return once(child, "close").then(([code]) => (code === 0 ? said : `ended with ${code}`));
  };
  assert.deepEqual(new Set(await Promise.all(Array.from({ length: 16 }, one))), new Set(["ok\n"]));
  const [, peak] = new RegExp(`^${UID} \\d+ \\S+ (\\d+) `, "m").exec(await place.cat("accounts"))!;
  assert.ok(Number(peak) < 20 << 20, `a peak of ${peak} bytes`);
});
