/** The daemon and its keeper as a user meets them: one daemon at any time, whoever asks for it, and what it held is there. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SOCK_STREAM, socketPair } from "../../src/host/linux/descriptor-message.ts";
import { endFamily, family } from "../support/family.ts";
import { CLI, ROOT } from "../support/paths.ts";
import { until } from "../support/target.ts";

const PROGRAM = join(ROOT, "dist", "test", "support", "holding-daemon.js");
const LIMITS = { timeout: 120_000 };

/** A runtime directory of its own; all daemons and keepers of it are killed at the end. */
class Place implements AsyncDisposable {
  readonly dir: string = mkdtempSync(join(tmpdir(), "lyonnais-place-"));
  readonly env: NodeJS.ProcessEnv = {
    ...process.env,
    LYONNAIS_RUNTIME_DIR: join(this.dir, "run"),
    XDG_STATE_HOME: this.dir,
  };
  #line: Socket | undefined;
  held = true;

  async run(...args: string[]): Promise<{ code: number; said: string }> {
    const child = spawn(process.execPath, [CLI, ...args], { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
    const [code] = (await once(child, "close")) as [number];
    return { code, said };
  }

  /** A daemon that holds; its pid. */
  async startHolding(): Promise<number> {
    const [ours, theirs] = socketPair(SOCK_STREAM);
    const child = spawn(process.execPath, [PROGRAM], {
      // As the command line starts a daemon.
      env: { ...this.env, LYONNAIS_READY: "background" },
      stdio: ["ignore", "pipe", "inherit", theirs],
    });
    closeSync(theirs);
    this.#line = new Socket({ fd: ours });
    this.#line.resume().on("close", () => {
      this.held = false;
    });
    await once(child.stdout!, "data");
    return child.pid!;
  }

  get #word(): string {
    return `LYONNAIS_RUNTIME_DIR=${this.env["LYONNAIS_RUNTIME_DIR"]}`;
  }

  #of(kind: "daemon" | "keeper"): number[] {
    return family(this.#word)
      .filter((member) => member.kind === kind)
      .map(({ pid }) => pid);
  }

  get keepers(): number[] {
    return this.#of("keeper");
  }

  /** Of commands that are just running as well. */
  get daemons(): number[] {
    return this.#of("daemon");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endFamily(this.#word);
    this.#line?.destroy();
    rmSync(this.dir, { recursive: true });
  }
}

test("eight commands start a daemon at once: there is one, and none of them complains", LIMITS, async () => {
  await using place = new Place();
  const ran = await Promise.all(Array.from({ length: 8 }, () => place.run("daemon")));
  assert.deepEqual(
    ran,
    ran.map(() => ({ code: 0, said: "" })),
  );
  await until(() => place.daemons.length === 1, "one daemon");
  assert.deepEqual(place.keepers, []);
  assert.deepEqual(await place.run("stop"), { code: 0, said: "" });
  await until(() => place.daemons.length === 0, "none");
});

test("killed while others ask for one: the keeper's daemon is the one, and holds what was held", LIMITS, async () => {
  await using place = new Place();
  let pid = await place.startHolding();
  for (let generation = 2; generation <= 4; generation++) {
    process.kill(pid, "SIGKILL");
    const ran = await Promise.all(["daemon", "daemon", "ls", "daemon"].map((word) => place.run(word)));
    for (const { code, said } of ran) assert.ok(code === 0 && !said.startsWith("lyonnais:"), said);
    await until(() => place.daemons.length === 1 && place.keepers.length === 1, "one of each");
    const [next] = place.daemons;
    assert.notEqual(next, pid);
    for (const named of [next, ...place.keepers]) {
      assert.equal(readFileSync(`/proc/${named}/comm`, "latin1"), "lyonnais\n");
    }
    assert.equal(place.held, true);
    // It would say "ready" into descriptor 3, which is the store's.
    assert.doesNotMatch(readFileSync(`/proc/${next}/environ`, "latin1"), /LYONNAIS_READY/);
    pid = next!;
  }
  // It was asked to stay, and a successor knows.
  process.kill(pid, "SIGKILL");
  await until(() => place.daemons.length === 1 && place.daemons[0] !== pid, "the next daemon");
  assert.match(readFileSync(join(place.dir, "run", "daemon.lock"), "utf8"), / stays\n$/);
  assert.deepEqual(await place.run("daemon"), { code: 0, said: "" });
  assert.deepEqual(await place.run("stop"), { code: 0, said: "" });
  await until(() => place.daemons.length === 0 && place.keepers.length === 0, "the end of both");
  await until(() => !place.held, "the end of every copy");
  assert.equal(existsSync(join(place.dir, "run", "daemon")), false);
  assert.deepEqual(await place.run("daemon"), { code: 0, said: "" });
});

test("a successor that cannot begin is tried again, and nothing is lost meanwhile", LIMITS, async () => {
  await using place = new Place();
  const pid = await place.startHolding();
  process.kill(pid, "SIGSTOP");
  const socket = join(place.dir, "run", "daemon");
  rmSync(socket);
  mkdirSync(socket);
  process.kill(pid, "SIGKILL");
  const log = () => readFileSync(join(place.dir, "log"), "utf8");
  await until(() => /EADDRINUSE.*\n.*ended with status 1; starting it again/.test(log()), "the second try");
  assert.equal(place.held, true);
  rmSync(socket, { recursive: true });
  const serves = async (): Promise<boolean> => (await place.run("ls", "curproc")).code === 0;
  await until(() => existsSync(socket), "a daemon that could begin");
  assert.equal(await serves(), true);
  assert.equal(place.held, true);
});
