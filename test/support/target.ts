import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { program } from "./programs.ts";

export interface TargetOptions {
  readonly args?: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
  /** Run this instead of a program of test/programs. */
  readonly path?: string;
}

/** A process of ours to practise on, in a session of its own; killed when the test is done with it. */
export class Target implements AsyncDisposable {
  readonly pid: number;
  readonly binary: string;
  readonly child: ChildProcess;
  #output = "";
  #exited: { code: number | null; signal: string | null } | undefined;

  private constructor(child: ChildProcess, binary: string) {
    this.child = child;
    this.pid = child.pid!;
    this.binary = binary;
    child.stdout!.setEncoding("latin1").on("data", (text: string) => {
      this.#output += text;
    });
    child.on("exit", (code, signal) => {
      this.#exited = { code, signal };
    });
  }

  /** Started and past its "ready". */
  static async start(name: string, options: TargetOptions = {}): Promise<Target> {
    const binary = options.path ?? program(name);
    const ids = options.uid === undefined ? {} : { uid: options.uid, gid: options.gid ?? options.uid };
    const child = spawn(binary, [...(options.args ?? [])], {
      detached: true,
      stdio: ["pipe", "pipe", "inherit"],
      cwd: "/",
      ...ids,
    });
    await once(child, "spawn");
    const target = new Target(child, binary);
    if (options.path === undefined) await target.prints("ready\n");
    return target;
  }

  /** What it has printed so far. */
  get output(): string {
    return this.#output;
  }

  /** Resolves once the output contains `text`. */
  async prints(text: string): Promise<void> {
    while (!this.#output.includes(text)) {
      if (this.#exited) throw new Error(`exited before printing ${JSON.stringify(text)}: ${this.#output}`);
      await Promise.race([once(this.child.stdout!, "data"), once(this.child, "exit")]);
    }
  }

  async exit(): Promise<{ code: number | null; signal: string | null }> {
    if (!this.#exited) await once(this.child, "exit");
    return this.#exited!;
  }

  /** A field of its /proc status file. */
  field(name: string): string {
    const text = readFileSync(`/proc/${this.pid}/status`, "latin1");
    return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(text)?.[1] ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#exited) return;
    this.child.kill("SIGKILL");
    await this.exit();
  }
}

/** Whether every thread of a process sleeps in the kernel. */
export function isAsleep(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every(
    (tid) => readFileSync(`/proc/${pid}/task/${tid}/wchan`, "latin1") !== "0",
  );
}

/** Resolves when the process waits for the answer of a FUSE server. */
export function untilItAsks(pid: number): Promise<void> {
  const waits = (): boolean => /request_wait/.test(readFileSync(`/proc/${pid}/wchan`, "latin1"));
  return until(waits, `process ${pid} waits for a file system`);
}

/** Resolves when `condition` holds, looking again and again: for what the kernel reports no event of. */
export function until(condition: () => boolean, what: string): Promise<void> {
  return untilAsync(async () => condition(), what);
}

/** As {@link until}, where looking takes its time. */
export async function untilAsync(condition: () => Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
