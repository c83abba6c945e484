import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { CLI } from "./paths.ts";

/** `lyonnais serve` in a process of its own. */
export class NineServer implements AsyncDisposable {
  readonly child: ChildProcess;
  /** Where it listens, with the port that it got. */
  readonly address: string;
  complaints = "";

  private constructor(child: ChildProcess, address: string) {
    this.child = child;
    this.address = address;
  }

  static async start(listen: string, ...args: string[]): Promise<NineServer> {
    const child = spawn(process.execPath, [CLI, "serve", "-l", listen, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let complaints = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaints += text;
    });
    const line = await Promise.race([once(child.stdout, "data").then(([data]) => String(data)), once(child, "exit")]);
    if (typeof line !== "string") throw new Error(`serve failed: ${complaints}`);
    const server = new NineServer(child, /^serving on (\S+)\n$/.exec(line)![1]!);
    child.stderr.on("data", (text: string) => {
      server.complaints += text;
    });
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill("SIGTERM");
      await once(this.child, "exit");
    }
    if (this.complaints !== "") throw new Error(`the server complained: ${this.complaints}`);
  }
}
