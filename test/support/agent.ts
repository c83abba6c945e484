import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { errnoName } from "../../src/core/base/errno.ts";
import { program } from "./programs.ts";

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_EXCL = 0o200;

export interface AgentOptions {
  readonly uid?: number;
  readonly gid?: number;
  /** The descriptor for `send` and `adopt`. */
  readonly socket?: number;
  /** Started through this command line, which ends in running the agent. */
  readonly via?: readonly string[];
}

/** A process of ours that does file operations as somebody, one at a time: test/programs/agent.c. */
export class Agent implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  #pid = 0;

  private constructor(child: ChildProcess) {
    this.child = child;
    this.#reader = createInterface({ input: child.stdout! });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  static async start(options: AgentOptions = {}): Promise<Agent> {
    const [command, ...args] = [...(options.via ?? []), program("agent")];
    const ids = options.uid === undefined ? {} : { uid: options.uid, gid: options.gid ?? options.uid };
    const child = spawn(command!, args, {
      detached: true,
      cwd: "/",
      stdio: ["pipe", "pipe", "ignore", options.socket ?? "ignore"],
      ...ids,
    });
    await once(child, "spawn");
    const agent = new Agent(child);
    await agent.#lines.next();
    agent.#pid = Number((await agent.raw("pid")).split(" ")[1]);
    return agent;
  }

  get pid(): number {
    return this.#pid;
  }

  /** The answer line. */
  async raw(command: string): Promise<string> {
    this.child.stdin!.write(`${command}\n`);
    const { value, done } = await this.#lines.next();
    return done ? "gone" : value;
  }

  /** "ok", or the errno's name. */
  async does(command: string): Promise<string> {
    const [kind, number] = (await this.raw(command)).split(" ");
    return kind === "err" ? errnoName(Number(number)) : kind!;
  }

  open(slot: number, path: string, flags: number): Promise<string> {
    return this.does(`open ${slot} ${path} ${flags}`);
  }

  write(slot: number, text: string | Buffer, offset = 0): Promise<string> {
    return this.does(`write ${slot} ${offset} ${Buffer.from(text as string).toString("hex")}`);
  }

  /** The bytes read, or the errno's name. */
  async read(slot: number, offset: number | bigint, count: number): Promise<Buffer | string> {
    const [kind, value, hex] = (await this.raw(`read ${slot} ${offset} ${count}`)).split(" ");
    return kind === "err" ? errnoName(Number(value)) : Buffer.from(hex ?? "", "hex");
  }

  /** Opens, writes and closes: "ok" or the first errno's name. */
  async writes(path: string, text: string): Promise<string> {
    const opened = await this.open(19, path, O_WRONLY);
    if (opened !== "ok") return opened;
    const written = await this.write(19, text);
    await this.does("close 19");
    return written;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#reader.close();
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGKILL");
    await once(this.child, "exit");
  }
}
