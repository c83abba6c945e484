import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { NODE_FLAGS } from "../../src/app/node-flags.ts";
import { CLI } from "./paths.ts";

/** `lyonnais gdb --listen` in a process of its own. */
export class GdbCommand implements AsyncDisposable {
  readonly child: ChildProcess;
  /** Where it listens, as it says. */
  readonly address: string;
  complaints = "";

  private constructor(child: ChildProcess, address: string) {
    this.child = child;
    this.address = address;
    child.stderr!.on("data", (text) => {
      this.complaints += text;
    });
  }

  static async start(
    listen: string,
    args: readonly string[],
    { before = [], env = {} }: { readonly before?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
  ): Promise<GdbCommand> {
    const child = spawn(process.execPath, [...NODE_FLAGS, CLI, ...before, "gdb", "-l", listen, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    let complaints = "";
    child.stderr.setEncoding("utf8").on("data", (text) => {
      complaints += text;
    });
    const line = await Promise.race([once(child.stdout, "data").then(([data]) => String(data)), once(child, "close")]);
    if (typeof line !== "string") throw new Error(`gdb failed: ${complaints}`);
    return new GdbCommand(child, /^listening on (\S+)\n$/.exec(line)![1]!);
  }

  get port(): number {
    return Number(/\d+$/.exec(this.address)![0]);
  }

  async connect(): Promise<Socket> {
    const unix = /^unix:(.*)$/.exec(this.address);
    const socket = unix ? connect(unix[1]!) : connect(this.port, "127.0.0.1");
    await once(socket, "connect");
    return socket;
  }

  /** Its exit code, once it has ended. */
  async ended(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "exit");
    return this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGTERM");
    await this.ended();
  }
}
