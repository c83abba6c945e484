import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { connectTree } from "../../src/app/connect.ts";
import type { TreeClient } from "../../src/app/tree-client.ts";
import { isErrno } from "../../src/core/base/errno.ts";
import { CLI, ROOT } from "./paths.ts";
import { program } from "./programs.ts";
import { until, untilAsync } from "./target.ts";

export const LYONNAIS = join(ROOT, "bin", "lyonnais");
/** Root is counted and not refused: limits are tried by somebody else. */
export const UID: number = process.geteuid!() === 0 ? 31001 : process.geteuid!();

/** A runtime directory of `uid`'s own, whose daemon accounts what is run there. */
export class Accounting {
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly uid: number;
  #daemon = 0;
  #connected: Promise<TreeClient> | undefined;

  constructor(t: TestContext, uid: number = UID) {
    this.uid = uid;
    this.dir = mkdtempSync(join(tmpdir(), "lyonnais-limits-"));
    chmodSync(this.dir, 0o755);
    const own = join(this.dir, "own");
    mkdirSync(own);
    if (process.geteuid!() === 0) chownSync(own, uid, uid);
    this.env = { ...process.env, LYONNAIS_RUNTIME_DIR: join(own, "run"), XDG_STATE_HOME: own, HOME: own, LC_ALL: "C" };
    t.after(async () => {
      await this.reconnect();
      this.command("stop", "--force");
      const log = join(own, "lyonnais", "server.log");
      const said = existsSync(log) ? readFileSync(log, "utf8") : "";
      rmSync(this.dir, { recursive: true });
      if (/internal error/.test(said)) throw new Error(`the daemon complained: ${said}`);
    });
  }

  get socket(): string {
    return join(this.dir, "own", "run", "daemon");
  }

  get options() {
    const ids = process.geteuid!() === 0 ? { uid: this.uid, gid: this.uid } : {};
    return { env: this.env, cwd: "/", ...ids };
  }

  /** A command of ours, in the foreground. */
  command(...args: string[]): { code: number | null; out: string; err: string } {
    const ran = spawnSync(process.execPath, [CLI, ...args], { ...this.options, encoding: "utf8", timeout: 60_000 });
    return { code: ran.status, out: ran.stdout, err: ran.stderr };
  }

  /** `lyonnais run ARGS`, to its end. */
  run(...args: string[]): { code: number | null; signal: string | null; out: string; err: string } {
    const ran = spawnSync(LYONNAIS, ["run", ...args], { ...this.options, encoding: "utf8", timeout: 120_000 });
    return { code: ran.status, signal: ran.signal, out: ran.stdout, err: ran.stderr };
  }

  /** A file of the daemon's tree. */
  async cat(path: string): Promise<string> {
    const client = await this.#client();
    return Buffer.from(await client.read(path, 0, 1 << 20)).toString("latin1");
  }

  async write(path: string, text: string): Promise<void> {
    const client = await this.#client();
    await client.write(path, Buffer.from(text));
  }

  #client(): Promise<TreeClient> {
    this.#connected ??= connectTree({ kind: "unix", path: this.socket });
    return this.#connected;
  }

  /** Starts the daemon by a program of ours, with a keeper that has patience for as many deaths as a test needs. */
  async patientDaemon(): Promise<void> {
    const script = join(ROOT, "dist", "test", "support", "patient-daemon.js");
    const child = spawn(process.execPath, [script], {
      ...this.options,
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    await once(child.stdout!, "data");
    child.stdout!.destroy();
    child.unref();
  }

  /** The daemon that answers. */
  async daemon(): Promise<number> {
    await untilAsync(async () => {
      try {
        const client = await connectTree({ kind: "unix", path: this.socket }, undefined, "daemon");
        this.#daemon = Number(Buffer.from(await client.read("pid", 0, 64)).toString());
        await client.close();
        return true;
      } catch (error) {
        if (!isErrno(error)) throw error;
        return false;
      }
    }, "a daemon that answers");
    return this.#daemon;
  }

  /** The daemon is another one now. */
  async reconnect(): Promise<void> {
    const client = await this.#connected;
    this.#connected = undefined;
    await client?.close();
  }

  /** What a uid has reserved, by the accounts: pages. */
  async reserved(uid: number = this.uid): Promise<number> {
    return Number(new RegExp(`^${uid} (\\d+) `, "m").exec(await this.cat("accounts"))?.[1] ?? 0) / 4096;
  }

  /** The program test/programs/memory-words under `run` with `args`; or another command that answers lines. */
  async words(args: readonly string[], command: readonly string[] = [program("memory-words")]): Promise<Words> {
    const child = spawn(LYONNAIS, ["run", ...args, "--", ...command], {
      ...this.options,
      stdio: ["pipe", "pipe", "inherit"],
      detached: true,
    });
    const words = new Words(child);
    await words.next();
    await words.waits();
    return words;
  }
}

/** A program that answers each line with one. Killed with its children when the test is done with it. */
export class Words implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  #text = "";

  constructor(child: ChildProcess) {
    this.child = child;
    this.pid = child.pid!;
    child.stdout!.setEncoding("latin1").on("data", (text: string) => {
      this.#text += text;
    });
  }

  /** Resolves when there is more to look at: output, or its end. */
  #more(): Promise<void> {
    return new Promise((resolve) => {
      const { stdout } = this.child;
      const done = (): void => {
        stdout!.off("data", done);
        this.child.off("exit", done);
        resolve();
      };
      stdout!.on("data", done);
      this.child.on("exit", done);
    });
  }

  async next(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`ended: ${this.child.exitCode ?? this.child.signalCode}`);
      }
      await this.#more();
    }
  }

  ask(line: string): Promise<string> {
    this.child.stdin!.write(`${line}\n`);
    return this.next();
  }

  /** Resolves when the program waits for its next line: before that its last call may still seem to be under way. */
  async waits(): Promise<void> {
    const runs = (): boolean => / R [^)]*$/.test(readFileSync(`/proc/${this.pid}/stat`, "latin1"));
    await until(() => this.child.exitCode !== null || this.child.signalCode !== null || !runs(), "it waits for a line");
  }

  /** Asks, and expects no error. */
  async do(line: string): Promise<number> {
    const answer = await this.ask(line);
    await this.waits();
    if (!/^-?\d+$/.test(answer)) throw new Error(`${line}: ${answer}`);
    return Number(answer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, "exit");
    // It leads a process group of its own.
    process.kill(-this.pid, "SIGKILL");
    await gone;
  }
}

export interface Accountable {
  readonly start: number;
  readonly end: number;
  readonly dontCopy: boolean;
}

/** The mappings that the kernel counts as reserved, pages: the oracle. */
export function accountable(pid: number): Accountable[] {
  return accountableIn(readFileSync(`/proc/${pid}/smaps`, "latin1"));
}

function accountableIn(smaps: string): Accountable[] {
  return smaps
    .split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
    .filter((part) => /^VmFlags:.* ac\b/m.test(part))
    .map((part) => {
      const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) /.exec(part)!;
      const page = (hex: string): number => Number.parseInt(hex, 16) / 4096;
      return { start: page(start!), end: page(end!), dontCopy: /^VmFlags:.* dc\b/m.test(part) };
    });
}

/**
 * The same of a process that runs on meanwhile: 0 where the text of its mappings, which is handed out in pieces, does not add up to the
 * kernel's own total, because something was moved between two pieces.
 */
export function reservedAtOnce(pid: number): number {
  const read = (name: string): string => readFileSync(`/proc/${pid}/${name}`, "latin1");
  const total = (): string => read("statm").split(" ")[0]!;
  const before = total();
  const text = read("smaps");
  const sizes = [...text.matchAll(/^([0-9a-f]+)-([0-9a-f]+) .*?(\[vsyscall\])?$/gm)];
  const mapped = sizes.reduce((sum, [, start, end, old]) => {
    return old ? sum : sum + (Number.parseInt(end!, 16) - Number.parseInt(start!, 16)) / 4096;
  }, 0);
  if (String(mapped) !== before || before !== total()) return 0;
  return accountableIn(text).reduce((sum, { start, end }) => sum + end - start, 0);
}

/** Pages of a process that the kernel counts as reserved. */
export function reservedByKernel(...pids: number[]): number {
  return pids.flatMap(accountable).reduce((sum, { start, end }) => sum + end - start, 0);
}
