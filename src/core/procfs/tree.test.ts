/** The tree: names, numbers, what stat shows, who may open. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { OTHER, OWNER, paperMachine, ROOT } from "../../../test/support/paper-machine.ts";
import type { Pid, Tid } from "../base/brand.ts";
import type { Caller } from "../vfs/caller.ts";
import type { DirNode, FileNode, Handle, LinkNode, Node } from "../vfs/node.ts";
import { walk } from "../vfs/walk.ts";
import { nodeNumber } from "./node-numbers.ts";
import { DEFAULT_OPTIONS, type ProcfsOptions } from "./options.ts";
import { PROC_NODES, ROOT_FILES, THREAD_NODES } from "./table.ts";
import { procFileSystem } from "./tree.ts";

const READ = { read: true, write: false, exclusive: false };
const REMOTE: Caller = { tid: 0 as Tid, uid: 11, gid: 20, connection: { id: 1, onEnd: () => () => {} } };

function tree(options: Partial<ProcfsOptions> = {}) {
  const machine = paperMachine();
  return { machine, fs: procFileSystem(machine.ports, { ...DEFAULT_OPTIONS, ...options }) };
}

test("the root lists curproc, its files and the processes, each with its place", () => {
  const { fs } = tree();
  const files = [
    { name: "swap", ino: 4_294_967_296, kind: "file" },
    { name: "accounts", ino: 4_294_967_297, kind: "file" },
    { name: "accounts-check", ino: 4_294_967_298, kind: "file" },
    { name: "observed", ino: 4_294_967_299, kind: "file" },
    { name: "jobs", ino: 4_294_967_300, kind: "file" },
    { name: "history", ino: 4_294_967_303, kind: "file" },
    { name: "events", ino: 4_294_967_304, kind: "file" },
    { name: "counters", ino: 4_294_967_305, kind: "file" },
  ];
  const process = { name: "446", ino: 8 * 447 + 1, kind: "dir", place: 1024 + 446 };
  assert.deepEqual(fs.root.list(OWNER), [{ name: "curproc", ino: 8 * 447 + 1, kind: "dir" }, ...files, process]);
  assert.deepEqual(fs.root.list(ROOT), [{ name: "curproc", ino: 3, kind: "dir" }, ...files, process]);
  assert.deepEqual(fs.root.list(REMOTE), [...files, process], "who comes from another host has no process here");
  const { timeMs, ...stat } = fs.root.stat(ROOT);
  assert.deepEqual(stat, { ino: 2, mode: 0o555, nlink: 2, uid: 0, gid: 0, size: 0 });
  assert.ok(timeMs > 1.7e12);
});

test("as a link, curproc is named to everybody; in 1993 there were no files beside the processes", () => {
  const { fs } = tree({ curproc: "link", profile: "1993" });
  const entries = [
    { name: "curproc", ino: 3, kind: "link" },
    { name: "446", ino: 8 * 447 + 1, kind: "dir", place: 1024 + 446 },
  ];
  assert.deepEqual(fs.root.list(REMOTE), entries);
  assert.deepEqual(fs.root.list(OWNER), entries);
  assert.throws(() => fs.root.lookup(ROOT, "swap"), { code: "ENOENT" });
  const link = fs.root.lookup(OWNER, "curproc") as LinkNode;
  const { timeMs: _now, ...stat } = link.stat(OWNER);
  assert.deepEqual(stat, { ino: 3, mode: 0o444, nlink: 1, uid: 0, gid: 0, size: 3 });
  assert.equal(link.readlink(OWNER), "446");
  for (const nobody of [ROOT, REMOTE]) assert.throws(() => link.readlink(nobody), { code: "ENOENT" });
});

test("threads are listed behind `.` and `..`, in places that grow, also those of process 1", () => {
  const { machine, fs } = tree();
  const process = { ...machine.ports.processes.find(446 as Pid)!, pid: 1 as Pid, threads: () => [3, 1, 2] as Tid[] };
  machine.ports.processes.find = () => process;
  const dir = walk(fs.root, "1/lwp", ROOT) as DirNode;
  const places = [1, 2, ...dir.list(ROOT).map(({ place }) => place!)];
  assert.deepEqual(
    places,
    [...new Set(places)].sort((a, b) => a - b),
  );
  assert.deepEqual(
    dir.list(ROOT).map(({ name }) => name),
    ["1", "2", "3"],
  );
});

test("of a process with very many threads it is asked seldom which of them have gone", () => {
  const { machine, fs } = tree();
  let listings = 0;
  const threads = Array.from({ length: 4000 }, (_, i) => (1000 + i) as Tid);
  const process = {
    ...machine.ports.processes.find(446 as Pid)!,
    threads: () => {
      listings++;
      return threads;
    },
  };
  machine.ports.processes.find = () => process;
  machine.ports.processes.ofThread = () => process;
  const dir = walk(fs.root, "446/lwp", ROOT) as DirNode;
  for (const tid of threads) assert.equal(dir.lookup(ROOT, String(tid)).kind, "dir");
  assert.equal(listings, 2);
});

test("a process is found by its number and by nothing else", () => {
  const { fs } = tree();
  assert.equal(fs.root.lookup(ROOT, "446").kind, "dir");
  for (const name of ["", "0", "447", "x446", "446x", "-446", "4.46e2", "12345678901", "status", "root"]) {
    assert.throws(() => fs.root.lookup(ROOT, name), { code: "ENOENT" }, name);
  }
});

test("a number that no process can have is not asked for", () => {
  const { machine, fs } = tree();
  const asked: number[] = [];
  machine.ports.processes.find = (pid) => void asked.push(pid);
  for (const name of ["0", "x1", "1x", "12345678901", "1234567890"]) {
    assert.throws(() => fs.root.lookup(ROOT, name), { code: "ENOENT" });
  }
  assert.deepEqual(asked, [1234567890]);
});

test("curproc is the directory of whoever asks, with nodes of its own", () => {
  const { fs } = tree();
  const own = fs.root.lookup(OWNER, "curproc") as DirNode;
  const named = fs.root.lookup(OWNER, "446") as DirNode;
  assert.notEqual(own, named);
  assert.equal(fs.root.lookup(OWNER, "curproc"), own);
  assert.equal(own.stat(OWNER).ino, named.stat(OWNER).ino);
  assert.notEqual(own.lookup(OWNER, "mem"), named.lookup(OWNER, "mem"));
  for (const nobody of [ROOT, REMOTE]) assert.throws(() => fs.root.lookup(nobody, "curproc"), { code: "ENOENT" });
});

test("the same name is the same node; a name that is none is ENOENT", () => {
  const { fs } = tree();
  const dir = fs.root.lookup(ROOT, "446") as DirNode;
  assert.equal(fs.root.lookup(ROOT, "446"), dir);
  for (const { name } of PROC_NODES) assert.equal(dir.lookup(ROOT, name), dir.lookup(OTHER, name));
  for (const { name } of ROOT_FILES) assert.equal(fs.root.lookup(ROOT, name), fs.root.lookup(OTHER, name));
  assert.equal(new Set(PROC_NODES.map(({ name }) => dir.lookup(ROOT, name))).size, PROC_NODES.length);
  for (const name of ["", "nothing", "446"]) assert.throws(() => dir.lookup(ROOT, name), { code: "ENOENT" }, name);
});

test("stat shows the process's owner, the table's bits and sizes", () => {
  const { fs } = tree();
  const owned = { uid: 11, gid: 20 };
  const rows: readonly (readonly [string, object])[] = [
    ["446", { ino: 8 * 447 + 1, mode: 0o555, nlink: 2, size: 0, ...owned }],
    ["446/file", { ino: 8 * 447 + 2, mode: 0o777, nlink: 1, size: 0, ...owned }],
    ["446/mem", { ino: 8 * 447 + 3, mode: 0o600, nlink: 1, size: 118784, ...owned }],
    ["446/status", { ino: 8 * 447 + 6, mode: 0o444, nlink: 1, size: 0, ...owned }],
    ["446/ctl", { ino: 8 * 447 + 5, mode: 0o200, nlink: 1, size: 0, ...owned }],
    ["446/root", { ino: 2 ** 32 + 64 * 446 + 22 - 9, mode: 0o777, nlink: 1, size: 0, ...owned }],
    ["swap", { ino: 2 ** 32, mode: 0o644, nlink: 1, size: 0, uid: 0, gid: 0 }],
  ];
  for (const [path, expected] of rows) {
    const { timeMs, ...stat } = walk(fs.root, path, ROOT).stat(ROOT);
    assert.deepEqual(stat, expected, path);
    assert.ok(Math.abs(Date.now() - timeMs) < 60_000);
  }
});

/** Every node of the tree, with its path. */
function* nodesOf(root: DirNode, caller: Caller): Generator<readonly [string, Node]> {
  yield ["", root];
  for (const { name } of root.list(caller)) {
    const node = root.lookup(caller, name);
    if (node.kind !== "dir") yield [name, node];
    else for (const [path, below] of nodesOf(node, caller)) yield [`${name}/${path}`, below];
  }
}

test("a node is found again by its number, and no two have the same one", () => {
  for (const curproc of ["dir", "link"] as const) {
    const { fs } = tree({ curproc });
    const seen = new Set<string>();
    for (const [path, node] of nodesOf(fs.root, OWNER)) {
      const { high, low } = fs.numbers.of(node);
      assert.equal(fs.numbers.node(high, low), node, path);
      assert.ok(!seen.has(`${high}:${low}`), path);
      seen.add(`${high}:${low}`);
      const above = path.split("/").slice(0, -2).join("/");
      if (node.kind === "dir") assert.equal(fs.numbers.parent(node), walk(fs.root, above, OWNER), path);
    }
    assert.equal(
      seen.size,
      1 +
        ROOT_FILES.length +
        (curproc === "dir" ? 2 : 1) * (1 + PROC_NODES.length + 2 * (1 + THREAD_NODES.length)) +
        (curproc === "dir" ? 0 : 1),
    );
  }
});

test("a node can be asked for by its number before anybody has looked it up", () => {
  const first = tree().fs;
  for (const [path, node] of [...nodesOf(first.root, OWNER)].reverse()) {
    const { high, low } = first.numbers.of(node);
    const { fs } = tree();
    const found = fs.numbers.node(high, low);
    assert.deepEqual([found.kind, found.stat(OWNER).ino], [node.kind, node.stat(OWNER).ino], path);
    assert.deepEqual(fs.numbers.of(found), { high, low });
  }
});

test("a number for which there is no node is ESTALE", () => {
  const { fs } = tree();
  for (const node of [
    { pid: 446, life: 4711, slot: 100, curproc: false },
    { pid: 0, life: 0, slot: 100, curproc: false },
  ]) {
    const { high, low } = nodeNumber(node);
    assert.throws(() => fs.numbers.node(high, low), { code: "ESTALE" });
  }
});

test("a process that has exited has no directory and no files", () => {
  const { machine, fs } = tree();
  const dir = fs.root.lookup(ROOT, "446") as DirNode;
  const file = dir.lookup(ROOT, "status") as FileNode;
  assert.equal(dir.list(ROOT).length, PROC_NODES.length);
  machine.kill();
  assert.throws(() => dir.list(ROOT), { code: "ENOENT" });
  assert.throws(() => file.stat(ROOT), { code: "ENOENT" });
  assert.throws(() => file.open(ROOT, READ), { code: "ESRCH" });
});

test("mounted read-only nothing can be opened for writing, also not in the root", () => {
  const { fs } = tree({ readOnly: true });
  for (const path of ["446/ctl", "446/mem", "446/rlimit", "swap"]) {
    const node = walk(fs.root, path, ROOT) as FileNode;
    assert.throws(() => node.open(ROOT, { ...READ, write: true }), { code: "EROFS" }, path);
  }
  assert.equal(fs.refusal, "EROFS");
  assert.equal(tree().fs.refusal, "EPERM");
});

test("an open file says who opened it, with the rights it had", () => {
  const { machine, fs } = tree();
  for (const path of ["446/status", "swap"]) {
    const handle = (walk(fs.root, path, ROOT) as FileNode).open(ROOT, READ) as Handle;
    assert.deepEqual(handle.opener, { ...ROOT, fullRoot: true }, path);
    assert.ok(handle.read);
    handle.close?.();
  }
  assert.deepEqual(machine.calls, []);
});

test("opened under a server before this one, a file is not judged by its bits again", () => {
  const { fs } = tree();
  const ctl = walk(fs.root, "446/ctl", OTHER) as FileNode;
  const mode = { ...READ, read: false, write: true };
  assert.throws(() => ctl.open(OTHER, mode), { code: "EACCES" });
  assert.ok(ctl.open(OTHER, { ...mode, resumed: { memo: undefined } }));
});

test("df: units, places for processes, and what is left of them", () => {
  const { machine, fs } = tree();
  const units = { blockSize: 1024, blocks: 1, blocksFree: 0, nameMax: 255 };
  assert.deepEqual(fs.statfs(), { ...units, files: 32768, filesFree: 32767 });
  machine.ports.processes.limit = () => 0;
  assert.deepEqual(fs.statfs(), { ...units, files: 0, filesFree: 0 });
});
