/** A session on paper: which words requests become, and what is said of what happens. */
import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { PaperTree } from "../../../test/support/paper-tree.ts";
import { RspClient } from "../../../test/support/rsp-client.ts";
import { X86_64 } from "../../core/abi/arch/x86-64.ts";
import { Errno } from "../../core/base/errno.ts";
import { Debuggee } from "./debuggee.ts";
import { GdbSession } from "./session.ts";

const PID = 100;
/** Its second thread. */
const OTHER = 101;

/** A process that has stopped, and a client of it that acknowledges nothing. */
async function begin({ breaks = true }: { readonly breaks?: boolean } = {}) {
  const tree = new PaperTree();
  tree.dirs.set(`${PID}`, breaks ? ["mem", "breaks"] : ["mem"]);
  tree.dirs.set(`${PID}/lwp`, [`${PID}`, `${OTHER}`]);
  tree.links.set(`${PID}/file`, "/bin/thing");
  tree.files.set(`${PID}/mem`, new Uint8Array(0x2000));
  tree.text(`${PID}/breaks`, "");
  tree.text(`${PID}/auxv`, "");
  tree.text(`${PID}/stop`, `step thread ${PID} pc 0x1000\n`);
  const registers = (pc: number): Uint8Array => {
    const bytes = new Uint8Array(X86_64.registerSize);
    new DataView(bytes.buffer).setBigUint64(8 * X86_64.registers.indexOf("rip"), BigInt(pc), true);
    return bytes;
  };
  for (const dir of [`${PID}`, `${PID}/lwp/${PID}`, `${PID}/lwp/${OTHER}`]) {
    tree.files.set(`${dir}/regs`, registers(0x1000));
    tree.files.set(`${dir}/fpregs`, new Uint8Array(X86_64.floating.size));
    tree.text(`${dir}/status`, `thing 1 t 0 0 0 0 nochan\n`);
  }
  /** What the words do, but for those that a test gives. */
  const script = new Map<string, () => void>([["attach", () => tree.happens(`attach thread ${PID} pc 0x1000`)]]);
  let points = 0;
  tree.onWord = (word) => {
    const [name, where] = word.split(" ");
    if (name === "break" || name === "watch") {
      const line = `${++points} ${name} ${where} hits 0\n`;
      tree.text(`${PID}/breaks`, Buffer.from(tree.files.get(`${PID}/breaks`)!).toString("latin1") + line);
    }
    script.get(word)?.();
  };
  const debuggee = new Debuggee(tree, false);
  const inferior = await debuggee.attach(PID);
  const bugs: unknown[] = [];
  const stream = new Duplex({
    read() {},
    write(bytes: Uint8Array, _encoding, done) {
      session.receive(bytes);
      done();
    },
  });
  const session = new GdbSession({
    debuggee,
    inferior,
    send: (bytes) => void stream.push(bytes),
    onBug: (bug) => bugs.push(bug),
  });
  const client = new RspClient(stream);
  assert.equal(await client.ask("QStartNoAckMode"), "OK");
  tree.said.length = 0;
  return { tree, script, session, client, bugs, registers };
}

const stopsAt = (tree: PaperTree, line: string) => (): void => tree.happens(line);

test("continue, step and signals are words, and the answer is what happens next", async () => {
  const { tree, script, client } = await begin();
  script.set("run", stopsAt(tree, `signal 11 segv addr 0x0 code mapping thread ${OTHER} pc 0x1004`));
  assert.match(await client.ask("vCont;c"), /^T0b06:0+;07:0+;10:0010000000000000;thread:65;$/);
  script.set("step", stopsAt(tree, `step thread ${PID} pc 0x1001`));
  assert.match(await client.ask("vCont;s:64;c"), /^T05.*thread:64;$/);
  script.set("segv", stopsAt(tree, "killed 11 segv"));
  assert.equal(await client.ask("vCont;C0b:65;c"), "X0b");
  assert.deepEqual(tree.said, ["run", `thread ${PID}\nstep`, `thread ${OTHER}\nsegv`]);
  assert.equal(await client.ask("vCont;c"), "E03");
});

test("a range is stepped until it is left; signals that are passed come with the next run", async () => {
  const { tree, script, client } = await begin();
  assert.equal(await client.ask("QPassSignals:e"), "OK");
  const way = [
    "step thread 100 pc 0x1002",
    "signal 14 alrm code kernel thread 100 pc 0x1002",
    "step thread 100 pc 0x1008",
  ];
  script.set("step", () => tree.happens(way.shift()!));
  assert.match(await client.ask("vCont;r1000,1008:64"), /^T05/);
  script.set("run", stopsAt(tree, "exited 3"));
  assert.equal(await client.ask("vCont;c"), "W03");
  assert.deepEqual(tree.said, ["step", "step", "step", "alrm", "run"]);
});

test("breakpoints are told at once, and taken away only before it runs", async () => {
  const { tree, script, client } = await begin();
  assert.match(await client.ask("qSupported:swbreak+;hwbreak+"), /;swbreak\+;hwbreak\+/);
  assert.equal(await client.ask("Z0,1010,1"), "OK");
  script.set("run", stopsAt(tree, `break 1 0x1010 thread ${PID} pc 0x1010`));
  assert.match(await client.ask("vCont;c"), /^T05swbreak:;/);
  assert.equal(await client.ask("z0,1010,1"), "OK");
  script.set("step", stopsAt(tree, `step thread ${PID} pc 0x1011`));
  assert.match(await client.ask("vCont;s:64"), /^T05/);
  assert.equal(await client.ask("Z0,1010,1"), "OK");
  assert.equal(await client.ask("Z2,1800,8"), "OK");
  script.set("run", stopsAt(tree, `watch 2 addr 0x1800 old 0x1 new 0x2 thread ${PID} pc 0x1012`));
  assert.match(await client.ask("vCont;c"), /^T05watch:1800;/);
  assert.equal(await client.ask("z2,1800,8"), "OK");
  script.set("run", stopsAt(tree, "exited 0"));
  assert.equal(await client.ask("vCont;c"), "W00");
  assert.deepEqual(tree.said, ["break 0x1010", "run", "step", "watch 0x1800 8 w", "run", "clear 2", "run"]);
});

test("a breakpoint that cannot be set is an error, a kind that the tree has not is none of ours", async () => {
  const { script, client } = await begin();
  const refuse = (code: "EFAULT" | "EOPNOTSUPP" | "ENOSPC") => (): never => {
    throw new Errno(code, "no");
  };
  script.set("break 0x9000", refuse("EFAULT"));
  script.set("break 0x9001", refuse("EOPNOTSUPP"));
  script.set("watch 0x1800 8 rw", refuse("EOPNOTSUPP"));
  script.set("watch 0x1800 8 r", refuse("ENOSPC"));
  assert.deepEqual(
    [
      await client.ask("Z0,9000,1"),
      await client.ask("Z0,9001,1"),
      await client.ask("Z4,1800,8"),
      await client.ask("Z3,1800,8"),
    ],
    ["E0e", "E5f", "", "E1c"],
  );
});

test("a tree without breakpoints: the client writes traps, lldb is shown where they are, none stays", async () => {
  const { tree, script, client, session, registers } = await begin({ breaks: false });
  assert.doesNotMatch(await client.ask("qSupported:swbreak+"), /swbreak/);
  assert.equal(await client.ask("Z0,1010,1"), "");
  assert.equal(await client.ask("M1010,1:cc"), "OK");
  assert.equal(await client.ask("M1020,1:cc"), "OK");
  assert.equal(await client.ask("M1020,1:00"), "OK");
  assert.equal(await client.ask("QThreadSuffixSupported"), "OK");
  tree.files.set(`${PID}/lwp/${PID}/regs`, registers(0x1011));
  script.set("run", stopsAt(tree, `signal 5 trap code kernel thread ${PID} pc 0x1011`));
  assert.match(await client.ask("c"), /^T05.*10:1010000000000000;/);
  assert.equal(tree.files.get(`${PID}/mem`)![0x1010], 0xcc);
  await session.close();
  assert.equal(tree.files.get(`${PID}/mem`)![0x1010], 0);
  assert.deepEqual(tree.said, ["run", "detach"]);
});

test("an interrupt is a halt, whether it comes with the request or behind it; one for nothing is nothing", async () => {
  const { tree, script, client } = await begin();
  script.set("halt", stopsAt(tree, `halt thread ${PID} pc 0x1000`));
  client.raw("\x03");
  client.send("vCont;c");
  client.raw("\x03");
  assert.match(await client.answer(), /^T02/);
  assert.deepEqual(tree.said.join("\n"), "run\nhalt");
  client.raw("\x03");
  tree.said.length = 0;
  script.set("run", stopsAt(tree, "exited 0"));
  assert.equal(await client.ask("vCont;c"), "W00");
  assert.deepEqual(tree.said, ["run"]);
});

test("events that were missed: the stop that lasts is told", async () => {
  const { tree, script, client } = await begin();
  script.set("run", stopsAt(tree, "running"));
  client.send("vCont;c");
  tree.happens("missed 12");
  assert.match(await client.answer(), /^T05/);
});

test("an exec: what was kept of the old program is forgotten, and who follows it is told the path", async () => {
  const { tree, script, client } = await begin();
  assert.match(await client.ask("qSupported:exec-events+"), /;exec-events\+/);
  assert.equal(await client.ask("Z0,1010,1"), "OK");
  script.set("run", stopsAt(tree, `exec /bin/thing thread ${PID} pc 0x1000`));
  assert.match(await client.ask("vCont;c"), /^T05exec:2f62696e2f7468696e67;/);
  tree.text(`${PID}/breaks`, "");
  assert.equal(await client.ask("Z0,1010,1"), "OK");
  assert.deepEqual(tree.said, ["break 0x1010", "run", "break 0x1010"]);
});

test("a thread that is not there is an error, and the session goes on", async () => {
  const { tree, script, client } = await begin();
  script.set("thread 2457", () => {
    throw new Errno("ESRCH", "no such thread");
  });
  assert.equal(await client.ask("vCont;s:999"), "E03");
  script.set("run", stopsAt(tree, "exited 0"));
  assert.equal(await client.ask("vCont;c"), "W00");
});

test("who gives up while the process does not stop leaves nothing under control", async () => {
  const tree = new PaperTree();
  const given = new AbortController();
  tree.onWord = (word) => {
    if (word === "attach") given.abort();
  };
  const refused = new Debuggee(tree, false).attach(PID, given.signal);
  await assert.rejects(refused, { code: "EINTR" });
  assert.deepEqual(tree.said, ["attach", "detach"]);
});

test("one thread alone is refused to gdb, and all run for lldb", async () => {
  const { tree, script, client } = await begin();
  assert.equal(await client.ask("vCont;c:64"), "E5f");
  assert.equal(await client.ask("QThreadSuffixSupported"), "OK");
  script.set("run", stopsAt(tree, `signal 10 usr1 code user from 1 uid 0 thread ${PID} pc 0x1000`));
  assert.match(await client.ask("vCont;c:64"), /^T0a/);
});

test("the end of a session lets the process go, and an error of ours is none of the client's", async () => {
  const { tree, script, client, session, bugs } = await begin();
  script.set("run", () => {
    throw new TypeError("a defect");
  });
  assert.equal(await client.ask("vCont;c"), "E05");
  assert.equal((bugs[0] as Error).message, "a defect");
  script.delete("run");
  client.send("vCont;c");
  script.set("detach", () => tree.happens("detached"));
  await session.close();
  assert.equal(tree.said.at(-1), "detach");
});
