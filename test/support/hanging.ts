import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "./programs.ts";

/** Requests that the file system leaves unanswered for ever: FLUSH, READ. */
export type Unanswered = "f" | "r";

/**
 * A process of an ordinary user that waits in the kernel for a file system which that user serves and never answers. Ends with its
 * file system; call it before the mount that serves /proc is ended, or a reader that is stuck keeps its server.
 */
export class Hanging implements AsyncDisposable {
  readonly pid: number;
  readonly #server: ChildProcess;
  readonly #dir: string;

  private constructor(pid: number, server: ChildProcess, dir: string) {
    this.pid = pid;
    this.#server = server;
    this.#dir = dir;
  }

  /** `command` is run on the file system, which is at the path given; it prints `pid N` when it is about to hang. */
  static async start(
    uid: number,
    unanswered: Unanswered,
    command: (dir: string) => readonly string[],
  ): Promise<Hanging> {
    const dir = mkdtempSync(join(tmpdir(), "lyonnais-hanging-"));
    const device = join(dir, "fuse");
    const mount = join(dir, "mount");
    chmodSync(dir, 0o755);
    mkdirSync(mount);
    chownSync(mount, uid, uid);
    spawnSync("mknod", ["-m", "666", device, "c", "10", "229"]);
    const server = spawn(program("hanging-files"), [device, mount, unanswered, ...command(mount)], {
      detached: true,
      stdio: ["ignore", "pipe", "inherit"],
      cwd: "/",
      ...{ uid, gid: uid },
    });
    let text = "";
    server.stdout.setEncoding("latin1").on("data", (part: string) => {
      text += part;
    });
    while (!/^pid \d+$/m.test(text)) {
      if (server.exitCode !== null) throw new Error(`the hanging file system ended: ${text}`);
      await Promise.race([once(server.stdout, "data"), once(server, "exit")]);
    }
    return new Hanging(Number(/^pid (\d+)$/m.exec(text)![1]), server, dir);
  }

  /** Inside exec for ever, holding exec_update_lock, as which `stat` and other files of it cannot be read. */
  static async inExec(uid: number): Promise<Hanging> {
    const target = await Hanging.start(uid, "f", (dir) => [program("hangs-in-exec"), join(dir, "x")]);
    await target.#untilWaits("read:stat");
    return target;
  }

  /** Inside exec of a file that never comes, holding cred_guard_mutex. */
  static async beforeExec(uid: number): Promise<Hanging> {
    const target = await Hanging.start(uid, "r", (dir) => ["/bin/sh", "-c", `echo pid $$; exec ${join(dir, "x")}`]);
    await target.#untilWaits("call:ptrace_seize");
    return target;
  }

  /** Until that row of what-waits does not come back: the process was about to hang when it said so. */
  async #untilWaits(row: string): Promise<void> {
    for (let waits = false; !waits; ) {
      const { stdout } = spawnSync(program("what-waits"), [String(this.pid), "300", row], { encoding: "utf8" });
      waits = stdout.includes("waits");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.exitCode === null && this.#server.signalCode === null) {
      this.#server.kill("SIGKILL");
      await once(this.#server, "exit");
    }
    try {
      process.kill(this.pid, "SIGKILL");
    } catch {}
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
