/** `lyonnais serve` as its clients meet it, those of other projects too. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connectTree } from "../../src/app/connect.ts";
import { NOFID } from "../../src/core/abi/ninep.ts";
import { encodeMessage } from "../../src/core/wire/ninep/codec.ts";
import { hostArch } from "../../src/host/linux/host-arch.ts";
import { parseAddress } from "../../src/host/serve/address.ts";
import { certificates } from "../support/certificates.ts";
import { NineServer } from "../support/nine-server.ts";
import { CLI } from "../support/paths.ts";
import { Target, until } from "../support/target.ts";

const ROOT_ONLY = { skip: process.geteuid!() === 0 ? false : "needs root", timeout: 60_000 };

function scratch(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-test-"));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

function lyonnais(address: string, args: readonly string[], input?: string) {
  const ran = spawnSync(process.execPath, [CLI, "-r", address, ...args], {
    input,
    encoding: "latin1",
    timeout: 20_000,
  });
  return { code: ran.status, out: ran.stdout, err: ran.stderr };
}

const status = (pid: number): string => readFileSync(`/proc/${pid}/status`, "latin1");
const tracer = (pid: number): string => /^TracerPid:\t(\d+)$/m.exec(status(pid))![1]!;

const DEBUGGING = (pid: number): string =>
  `cd ${pid}\necho attach > ctl\necho wait > ctl\ncat regs\necho step > ctl\necho wait > ctl\necho detach > ctl\n`;

test("a unix socket: the client is who connected; the executable's bytes; a session by words", ROOT_ONLY, async (t) => {
  const dir = scratch(t);
  const path = join(dir, "9p");
  await using server = await NineServer.start(`unix:${path}`);
  await using target = await Target.start("counter");
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const { pid } = target;
  assert.match(lyonnais(server.address, ["cat", `${pid}/status`]).out, new RegExp(`^counter ${pid} `));
  assert.match(lyonnais(server.address, ["cat", "curproc/status"]).out, /^lyonnais /);
  const client = await connectTree(parseAddress(server.address));
  const bytes = await client.read(`${pid}/file`, 0, 1 << 20);
  assert.ok(Buffer.from(bytes).equals(readFileSync(target.binary)));
  await client.close();
  const session = lyonnais(server.address, ["shell"], DEBUGGING(pid));
  assert.deepEqual([session.code, session.err, session.out.length], [0, "", hostArch().registerSize]);
  assert.equal(tracer(pid), "0");
});

test("plain TCP: nobody, whatever it claims; what everybody may read and no more", ROOT_ONLY, async () => {
  await using server = await NineServer.start("tcp:127.0.0.1:0");
  await using target = await Target.start("sleeper");
  const { pid } = target;
  assert.match(lyonnais(server.address, ["cat", `${pid}/status`]).out, new RegExp(`^sleeper ${pid} `));
  assert.doesNotMatch(lyonnais(server.address, ["ls"]).out, /curproc/);
  for (const [args, code] of [
    [["cat", `${pid}/mem`], "EACCES"],
    [["cat", `${pid}/regs`], "EACCES"],
    [["write", `${pid}/ctl`, "attach"], "EACCES"],
    [["write", `${pid}/note`, "kill"], "EACCES"],
    [["cat", `${pid}/file`], "EACCES"],
    [["cat", "curproc/status"], "ENOENT"],
  ] as const) {
    const refused = lyonnais(server.address, args);
    assert.deepEqual([refused.code, refused.err.split(": ")[2]], [1, code], refused.err);
  }
  // diod's client says that it is root.
  const port = /\d+$/.exec(server.address)![0];
  const mem = spawnSync("diodcat", ["-s", `127.0.0.1:${port}`, "-a", "/", `${pid}/mem`], { encoding: "latin1" });
  assert.match(mem.stderr, /Permission denied/);
});

test("plain TCP that other hosts could reach is refused, and says what to use", () => {
  for (const address of ["tcp:0.0.0.0:0", "tcp:[::]:0", "tcp:192.0.2.1:0"]) {
    const ran = spawnSync(process.execPath, [CLI, "serve", "-l", address], { encoding: "utf8", timeout: 20_000 });
    assert.equal(ran.status, 1);
    assert.match(ran.stderr, /^lyonnais: serve: EPERM: plain TCP on \S+ would let anybody in: use tls:.*\n$/);
  }
  const ran = spawnSync(process.execPath, [CLI, "serve", "-l", "tls:127.0.0.1:0"], {
    encoding: "utf8",
    timeout: 20_000,
  });
  assert.match(ran.stderr, /^lyonnais: serve: EINVAL: TLS needs .* --tls FILE\n$/);
});

test("diod's own clients list the tree and read a live process's status", ROOT_ONLY, async (t) => {
  const path = join(scratch(t), "9p");
  await using server = await NineServer.start(`unix:${path}`);
  await using target = await Target.start("sleeper");
  const diod = (tool: string, ...args: string[]) =>
    spawnSync(tool, ["-s", path, "-a", "/", ...args], { encoding: "latin1", timeout: 10_000 });
  assert.match(diod("diodcat", `${target.pid}/status`).stdout, new RegExp(`^sleeper ${target.pid} `));
  const listed = diod("diodls", "-l", String(target.pid));
  assert.deepEqual([listed.status, listed.stderr], [0, ""]);
  assert.match(listed.stdout, /^-rw-------.* mem$/m);
  assert.match(listed.stdout, /^--w-------.* ctl$/m);
  const root = diod("diodls", "/").stdout.split("\n");
  assert.ok(root.includes(String(target.pid)) && root.includes("curproc"));
  assert.ok(server.child.exitCode === null);
});

/** A connection that has attached, and nothing more. */
async function attached(path: string): Promise<Socket> {
  const socket = connect(path);
  await once(socket, "connect");
  socket.write(encodeMessage("Tversion", 0xffff, { msize: 8192, version: "9P2000.L" }));
  await once(socket, "data");
  socket.write(encodeMessage("Tattach", 1, { fid: 0, afid: NOFID, uname: "", aname: "", nUname: NOFID }));
  await once(socket, "data");
  return socket;
}

test("a client killed in `wait`, or while it holds a process: the process runs on", ROOT_ONLY, async (t) => {
  const path = join(scratch(t), "9p");
  await using server = await NineServer.start(`unix:${path}`);
  await using target = await Target.start("sleeper");
  const { pid } = target;
  const script = (words: string): string => `cd ${pid}\necho attach > ctl\necho wait > ctl\n${words}`;
  for (const words of ["echo run > ctl\necho wait > ctl\n", ""]) {
    const client = spawn(process.execPath, [CLI, "-r", server.address, "shell"], {
      stdio: ["pipe", "ignore", "inherit"],
    });
    client.stdin.write(script(words));
    await until(() => tracer(pid) !== "0", "attached");
    await until(() => /^State:\t(t|S)/m.test(status(pid)), "stopped or running under control");
    client.kill("SIGKILL");
    await once(client, "exit");
    await until(() => tracer(pid) === "0", "let go");
    await until(() => /^State:\tS/m.test(status(pid)), "running, asleep");
  }
  assert.match(lyonnais(server.address, ["cat", `${pid}/status`]).out, /^sleeper /);
});

test("a thousand connections are held, and another one is served meanwhile", ROOT_ONLY, async (t) => {
  const path = join(scratch(t), "9p");
  await using server = await NineServer.start(`unix:${path}`);
  const sockets = (): number => {
    const fds = spawnSync("ls", ["-l", `/proc/${server.child.pid}/fd`], { encoding: "utf8" }).stdout;
    return fds.split(" socket:").length;
  };
  const before = sockets();
  const held = await Promise.all(Array.from({ length: 1000 }, () => attached(path)));
  assert.match(lyonnais(server.address, ["cat", "curproc/status"]).out, /^lyonnais /);
  const ended = held.map((socket) => once(socket, "close"));
  assert.equal(sockets(), before + 1000);
  for (const socket of held) socket.destroy();
  await Promise.all(ended);
  await until(() => sockets() === before, "all connections closed");
});

test("what is no 9P is cut off, and the next client served", ROOT_ONLY, async (t) => {
  const path = join(scratch(t), "9p");
  await using server = await NineServer.start(`unix:${path}`);
  const oversize = Buffer.alloc(7);
  oversize.writeUInt32LE(0x7fff_ffff);
  for (const bytes of [Buffer.from("GET / HTTP/1.0\r\n\r\n"), oversize, Buffer.alloc(64)]) {
    const socket = connect(path);
    await once(socket, "connect");
    socket.on("error", () => {});
    socket.resume().write(bytes);
    await once(socket, "close");
  }
  assert.match(lyonnais(server.address, ["cat", "curproc/status"]).out, /^lyonnais /);
});

test(
  "what is in the way of a unix socket stays, unless it is a socket that nobody listens on",
  ROOT_ONLY,
  async (t) => {
    const dir = scratch(t);
    const serve = (path: string) =>
      spawnSync(process.execPath, [CLI, "serve", "-l", `unix:${path}`], { encoding: "utf8", timeout: 20_000 });
    writeFileSync(join(dir, "file"), "precious");
    for (const path of [join(dir, "file"), dir]) {
      assert.match(serve(path).stderr, /^lyonnais: serve: EADDRINUSE: \S+ is there, and is no socket .*\n$/);
    }
    assert.equal(readFileSync(join(dir, "file"), "utf8"), "precious");
    assert.match(serve(join(dir, "no", "socket")).stderr, /^lyonnais: serve: E[A-Z]+: .*\n$/);
    {
      await using server = await NineServer.start(`unix:${join(dir, "9p")}`);
      assert.match(serve(join(dir, "9p")).stderr, /^lyonnais: serve: EADDRINUSE: somebody listens on .*\n$/);
      server.child.kill("SIGKILL");
      await once(server.child, "exit");
    }
    assert.ok(existsSync(join(dir, "9p")));
    {
      await using server = await NineServer.start(`unix:${join(dir, "9p")}`);
      assert.match(lyonnais(server.address, ["cat", "curproc/status"]).out, /^lyonnais /);
    }
    assert.deepEqual(readdirSync(dir), ["file"]);
  },
);

test("TLS from another network namespace: certificates say who a client is", ROOT_ONLY, async (t) => {
  const dir = scratch(t);
  certificates(dir);
  const write = (name: string, text: string): string => {
    spawnSync("tee", [join(dir, name)], { input: text, stdio: ["pipe", "ignore", "inherit"] });
    return join(dir, name);
  };
  const config = write(
    "server.toml",
    `cert = "server.pem"\nkey = "server.key"\nca = "ca.pem"\n[clients]\nalice = { uid = 4001, gid = 4001 }\nadmin = { uid = 0, gid = 0 }\n`,
  );
  const as = (name: string): string =>
    write(`${name}.toml`, `cert = "${name}.pem"\nkey = "${name}.key"\nca = "ca.pem"\nservername = "server"\n`);

  // A namespace with a cable to ours; both go with the process that holds it.
  const holder = spawn("unshare", ["-n", "sh", "-c", "echo up; read line"], { stdio: ["pipe", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  const [ours, theirs] = [`lyo${process.pid}a`, `lyo${process.pid}b`];
  const ip = (...args: string[]): void => {
    const ran = spawnSync("ip", args, { encoding: "utf8" });
    assert.equal(ran.status, 0, ran.stderr);
  };
  const there = (...args: string[]): readonly string[] => ["-t", String(holder.pid), "-n", ...args];
  t.after(() => {
    holder.kill();
    spawnSync("ip", ["link", "delete", ours]);
  });
  ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", String(holder.pid));
  ip("address", "add", "198.18.77.1/30", "dev", ours);
  ip("link", "set", ours, "up");
  for (const words of [
    ["address", "add", "198.18.77.2/30", "dev", theirs],
    ["link", "set", theirs, "up"],
  ]) {
    assert.equal(spawnSync("nsenter", there("ip", ...words)).status, 0);
  }

  await using server = await NineServer.start("tls:198.18.77.1:0", "--tls", config);
  await using hers = await Target.start("counter", { uid: 4001 });
  await using roots = await Target.start("counter");
  const remote = (name: string, args: readonly string[], input = "") => {
    const command = there(process.execPath, CLI, "-r", server.address, "--tls", as(name), ...args);
    const ran = spawnSync("nsenter", command, { input, encoding: "latin1", timeout: 20_000 });
    return { code: ran.status, out: ran.stdout, err: ran.stderr };
  };
  const session = remote("alice", ["shell"], DEBUGGING(hers.pid));
  assert.deepEqual([session.code, session.err, session.out.length], [0, "", hostArch().registerSize]);
  assert.equal(tracer(hers.pid), "0");
  assert.match(remote("alice", ["cat", `${roots.pid}/mem`]).err, /EACCES/);
  assert.match(remote("alice", ["write", `${roots.pid}/ctl`, "attach"]).err, /EACCES/);
  assert.match(remote("alice", ["cat", "curproc/status"]).err, /ENOENT/);
  const asRoot = remote("admin", ["shell"], DEBUGGING(roots.pid));
  assert.deepEqual([asRoot.code, asRoot.err, asRoot.out.length], [0, "", hostArch().registerSize]);
  // Signed, but nobody here; and no certificate at all.
  assert.equal(remote("mallory", ["cat", `${hers.pid}/status`]).code, 1);
  const bare = spawnSync("nsenter", there(process.execPath, CLI, "-r", server.address, "ls"), { encoding: "utf8" });
  assert.match(bare.stderr, /EINVAL: TLS needs a certificate/);
});

test("a config that is wrong says where", (t) => {
  const dir = scratch(t);
  const serve = (text: string): string => {
    spawnSync("tee", [join(dir, "c.toml")], { input: text, stdio: ["pipe", "ignore", "inherit"] });
    const args = [CLI, "serve", "-l", "tls:127.0.0.1:0", "--tls", join(dir, "c.toml")];
    return spawnSync(process.execPath, args, { encoding: "utf8", timeout: 20_000 }).stderr;
  };
  assert.match(serve("cert = \n"), /^lyonnais: serve: EINVAL: \S+c\.toml: .*\n$/);
  assert.match(serve('cert = "a"\nkey = "b"\nca = "c"\n[clients]\nx = { uid = -1, gid = 0 }\n'), /clients\.x\.uid: /);
  assert.match(serve('cert = "a"\nkey = "b"\nca = "c"\n[clients]\n'), /ENOENT/);
  assert.ok(existsSync(dir));
});
