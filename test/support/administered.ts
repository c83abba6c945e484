import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Accounting, Words } from "./limited.ts";
import { program } from "./programs.ts";

/** Pages. */
export const MIB = 256;

/** Root's accounting in a place of its own, with limits of users that a file says. */
export class Administered extends Accounting {
  readonly config: string = join(this.dir, "limits.toml");

  constructor(t: TestContext, ...lines: readonly string[]) {
    super(t, 0);
    this.rewrite(...lines);
  }

  rewrite(...lines: readonly string[]): void {
    writeFileSync(this.config, `${lines.join("\n")}\n`, { mode: 0o644 });
  }

  start(): void {
    const { code, err } = this.command("daemon", "--config", this.config);
    assert.equal(code, 0, err);
  }

  get log(): string {
    const file = join(this.dir, "own", "lyonnais", "server.log");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** The file `observed`, a line each. */
  async observed(): Promise<string[]> {
    return (await this.cat("observed")).split("\n").slice(0, -1);
  }

  /** A program of `uid`'s under root's accounting, without a limit of its own. */
  async of(uid: number): Promise<Words> {
    const words = await this.words([]);
    await words.do(`setuid ${uid}`);
    // What it may have now is known from its next call on.
    await words.do("map 1 3");
    return words;
  }
}

/** Pages in pieces of a megabyte, until it is refused. */
export async function fill(words: Words): Promise<number> {
  for (let pages = 0; ; pages += MIB) {
    const answer = await words.ask(`map ${MIB} 3`);
    await words.waits();
    if (answer === "ENOMEM") return pages;
    assert.match(answer, /^\d+$/);
    assert.ok(pages < 1000 * MIB, "never refused");
  }
}

/** test/programs/memory-words as `uid`, started by nobody of ours; or another command. */
export async function wordsOf(uid: number, command: readonly string[] = [program("memory-words")]): Promise<Words> {
  const as = uid === 0 ? [] : ["setpriv", "--reuid", `${uid}`, "--clear-groups"];
  const [first, ...rest] = [...as, ...command];
  const words = new Words(spawn(first!, rest, { cwd: "/", stdio: ["pipe", "pipe", "inherit"], detached: true }));
  await words.next();
  await words.waits();
  return words;
}

/** A field of /proc/PID/status. */
export function statusOf(pid: number, name: string): string {
  return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(readFileSync(`/proc/${pid}/status`, "latin1"))![1]!;
}
