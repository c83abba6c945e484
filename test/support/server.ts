import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NODE_FLAGS } from "../../src/app/node-flags.ts";
import { CLI } from "./paths.ts";

/** A mount served by a process of its own; gone when the test is done with it, whatever happened. */
export class Server implements AsyncDisposable {
  readonly dir: string;
  readonly child: ChildProcess;
  /** What it said on standard error: internal errors. */
  complaints = "";

  private constructor(child: ChildProcess, dir: string) {
    this.child = child;
    this.dir = dir;
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.complaints += text;
    });
  }

  /** `lyonnais mount -f`, ready to be used; on `dir`, or on a fresh directory. */
  static async start(options = "", dir: string = mkdtempSync(join(tmpdir(), "lyonnais-test-"))): Promise<Server> {
    const child = spawn(process.execPath, [...NODE_FLAGS, CLI, "mount", "-f", "-o", options, dir], {
      stdio: ["ignore", "ignore", "pipe", "pipe"],
      env: { ...process.env, LYONNAIS_READY: "foreground" },
    });
    const server = new Server(child, dir);
    await Promise.race([once(child.stdio[3]!, "data"), once(child, "exit")]);
    if (child.exitCode !== null) throw new Error(`mount failed: ${server.complaints}`);
    return server;
  }

  path(...parts: (string | number)[]): string {
    return join(this.dir, ...parts.map(String));
  }

  /** Writes a word that answers at once. */
  write(pid: number | string, node: string, word: string): void {
    writeFileSync(this.path(pid, node), word);
  }

  ctl(pid: number, word: string): void {
    this.write(pid, "ctl", word);
  }

  /** Writes a word that may block. */
  async ctlLater(pid: number, word: string): Promise<void> {
    await writeFile(this.path(pid, "ctl"), word);
  }

  /** attach and wait. */
  async stop(pid: number): Promise<void> {
    this.ctl(pid, "attach");
    await this.ctlLater(pid, "wait");
  }

  regs(pid: number): Buffer {
    return readFileSync(this.path(pid, "regs"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill("SIGTERM");
      const timer = setTimeout(() => this.child.kill("SIGKILL"), 5000);
      await once(this.child, "exit");
      clearTimeout(timer);
    }
    spawnSync("umount", ["-l", this.dir], { stdio: "ignore" });
    rmdirSync(this.dir);
    if (this.complaints !== "") throw new Error(`the server complained: ${this.complaints}`);
  }
}
