import assert from "node:assert/strict";
import { test } from "node:test";
import { InprocClient } from "../../app/inproc-client.ts";
import type { Tid } from "../../core/base/brand.ts";
import { isErrno } from "../../core/base/errno.ts";
import { memoryFileSystem } from "../../core/vfs/memory.ts";
import type { FileNode } from "../../core/vfs/node.ts";
import { Parked } from "../../core/vfs/parked.ts";
import type { ShellState } from "./commands.ts";
import { complete } from "./complete.ts";
import { resolvePath } from "./path.ts";
import { runLine, runScript } from "./shell.ts";
import { splitWords } from "./words.ts";

/** Like ctl's `wait`: every write is parked until it is interrupted. */
const blocking: FileNode = {
  kind: "file",
  stat: () => ({ ino: 99, mode: 0o200, nlink: 1, uid: 0, gid: 0, size: 0, timeMs: 0 }),
  open: () => ({ write: () => new Parked<number>() }),
};

function shell(): ShellState & { printed: string } {
  const tree = { "12": { status: "sh 12 1\n", ctl: "....................", note: blocking }, "120": {}, swap: "0\n" };
  const fs = memoryFileSystem({ ...tree, exe: { link: "/bin/sh" } });
  return {
    client: new InprocClient(fs, { tid: 0 as Tid, uid: 0, gid: 0 }),
    names: { user: String, group: String },
    cwd: "/",
    done: false,
    printed: "",
    out(text) {
      this.printed += text;
    },
  };
}

/** What the lines print; the first error ends it. */
async function output(...lines: string[]): Promise<string> {
  const state = shell();
  for (const line of lines) await runLine(state, line, new AbortController().signal);
  return state.printed;
}

async function* linesOf(...lines: string[]): AsyncGenerator<string> {
  yield* lines;
}

test("cd, pwd and paths from the working directory", async () => {
  assert.equal(await output("cd 12", "pwd", "cat status", "cd ..", "pwd"), "/12\nsh 12 1\n/\n");
  assert.equal(await output("cd /12/../120/.", "pwd", "cd", "pwd"), "/120\n/\n");
});

test("ls lists the working directory or a path; -i and -l may stand together", async () => {
  assert.equal(await output("ls"), "12\n120\nswap\nexe\n");
  assert.match(await output("ls -li 12"), /^total 2\n +\d+ -rw-r--r-- 1 0 0 +8 .* status\n/);
  assert.match(await output("cd 12", "ls -l status"), /^-rw-r--r-- 1 0 0 8 .* \/12\/status\n$/);
  assert.match(await output("ls -l"), / exe -> \/bin\/sh\n$/);
});

test("cat prints several files, xxd a part of one", async () => {
  assert.equal(await output("cat 12/status swap"), "sh 12 1\n0\n");
  assert.equal(await output("xxd 12/status 3 2"), "00000003: 3132                                     12\n");
  assert.equal(await output("xxd 12/status 0x3 0x2"), await output("xxd 12/status 3 2"));
});

test("echo writes a word and a newline, or prints", async () => {
  assert.match(await output("echo attach > 12/ctl", "cat 12/ctl"), /^attach\n\./);
  assert.match(await output("echo step>12/ctl", "cat 12/ctl"), /^step\n\./);
  assert.equal(await output("echo 'a  b' c # not this"), "a  b c\n");
});

test("help names every file of a process, every word and every signal", async () => {
  const text = await output("help");
  for (const name of ["notepg", "regs", "detach", "usr2", "xxd PATH [OFFSET [LENGTH]]"]) assert.ok(text.includes(name));
});

const WRONG: readonly (readonly [line: string, error: RegExp])[] = [
  ["bogus", /^EINVAL: no command bogus/],
  ["cat", /^EINVAL: usage: cat/],
  ["cat nothing", /^ENOENT/],
  ["cat 12", /^EISDIR/],
  ["cat exe", /^ELOOP/],
  ["cd swap", /^ENOTDIR/],
  ["cd 12 120", /^EINVAL: usage: cd/],
  ["ls -x", /^EINVAL: usage: ls/],
  ["ls 12 120", /^EINVAL: usage: ls/],
  ["echo attach >", /^EINVAL: usage: echo/],
  ["echo a > b c", /^EINVAL: usage: echo/],
  ["xxd swap -1", /^EINVAL: -1 is no number/],
  ["xxd swap 0 many", /^EINVAL: many is no number/],
  ["echo 'open", /^EINVAL: ' without its end/],
  ["pwd now", /^EINVAL: usage: pwd/],
];
for (const [line, error] of WRONG) {
  test(`wrong: ${line}`, () => assert.rejects(output(line), { name: "Errno", message: error }));
}

test("empty lines and comments do nothing", async () => assert.equal(await output("", "   ", "# cat"), ""));

test("an operation that waits ends with EINTR when it is stopped", async () => {
  const stop = new AbortController();
  const waiting = runLine(shell(), "echo wait > 12/note", stop.signal);
  stop.abort();
  await assert.rejects(waiting, (error) => isErrno(error, "EINTR"));
});

test("a script goes on after an error, tells its line, and has failed", async () => {
  const state = shell();
  const told: string[] = [];
  const ok = await runScript(state, linesOf("cat swap", "", "bogus", "cat nope", "pwd"), (line, message) => {
    told.push(`${line} ${message.split(":")[0]}`);
  });
  assert.equal(ok, false);
  assert.deepEqual(told, ["3 EINVAL", "4 ENOENT"]);
  assert.equal(state.printed, "0\n/\n");
});

test("exit ends a script that did not fail", async () => {
  const state = shell();
  assert.equal(await runScript(state, linesOf("pwd", "exit", "bogus"), assert.fail), true);
  assert.equal(state.printed, "/\n");
});

const COMPLETIONS: readonly (readonly [line: string, cwd: string, hits: readonly string[]])[] = [
  ["c", "/", ["cd ", "cat "]],
  ["zz", "/", []],
  ["cat 12", "/", ["12/", "120/"]],
  ["cat 12/s", "/", ["12/status "]],
  ["cat /12/st", "/120", ["/12/status "]],
  ["cat ../s", "/12", ["../swap "]],
  ["xxd ", "/12", ["status ", "ctl ", "note "]],
  ["cat nope/", "/", []],
  ["cat swap/", "/", []],
  ["echo st", "/", ["step ", "stop "]],
  ["echo step > 12/c", "/", ["12/ctl "]],
];
for (const [line, cwd, hits] of COMPLETIONS) {
  test(`completion of "${line}" in ${cwd}`, async () => {
    const last = line.split(" ").at(-1);
    assert.deepEqual(await complete(line, cwd, shell().client), [hits, last]);
  });
}

test("words: quotes join, > stands alone, # comments", () => {
  assert.deepEqual(splitWords(`a'b c'"d" >e # f`), ["ab cd", ">", "e"]);
  assert.deepEqual(splitWords("''"), [""]);
  assert.deepEqual(splitWords("  "), []);
});

test("paths: .. stops at the root", () => {
  assert.equal(resolvePath("/1", "../../.././2//x/."), "/2/x");
  assert.equal(resolvePath("/1", "/"), "/");
  assert.equal(resolvePath("/1", ""), "/1");
});
