import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { ROOT } from "./paths.ts";

export type Request = { readonly pid: number; readonly uid?: number } & (
  | { readonly do: "install"; readonly program: string; readonly parent: number; readonly patience?: number }
  | { readonly do: "attach" | "run" | "step" | "wait" | "detach" | "regs" | "answered" }
  | { readonly do: "memory"; readonly address: number; readonly length: number }
);

type Answer = { readonly value: unknown } | { readonly code: string; readonly message: string };

/** An errno with its name and its sentence. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** A tracer in a process of its own: test/support/injector-process.ts. */
export class Injector implements AsyncDisposable {
  readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  static async start(uid?: number): Promise<Injector> {
    const ids = uid === undefined ? {} : { uid, gid: uid };
    const child = fork(join(ROOT, "dist", "test", "support", "injector-process.js"), { cwd: "/", ...ids } as object);
    const injector = new Injector(child);
    await once(child, "message");
    return injector;
  }

  /** The answer; one request at a time. */
  async ask<T = null>(request: Request): Promise<T> {
    this.child.send(request);
    const answer = await this.#answer();
    if ("code" in answer) throw new Refused(answer.code, answer.message);
    return answer.value as T;
  }

  #answer(): Promise<Answer> {
    return new Promise((resolve) => {
      const told = (answer: Answer): void => {
        this.child.off("message", told).off("exit", left);
        resolve(answer);
      };
      const left = (code: number | null): void => told({ code: `exited ${code}`, message: "" });
      this.child.on("message", told).on("exit", left);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    if (this.child.connected) this.child.disconnect();
    await once(this.child, "exit");
  }
}
