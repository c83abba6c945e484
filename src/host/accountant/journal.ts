import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import type { Json, Recorder } from "../../core/notify/records.ts";

/** From so many bytes on, a file that is mostly history is written anew. */
const COMPACT_BYTES = 1 << 20;
const MOSTLY = 4;

/**
 * Records in a file, a line each: the last one of a key counts, a key alone takes it back. It need not reach a disk: it is for
 * a successor on the same running kernel.
 */
export class Journal implements Recorder {
  readonly #path: string;
  readonly #lines = new Map<string, string>();
  /** What was there when it was opened. */
  readonly found: ReadonlyMap<string, Json>;
  #fd: number;
  #written = 0;
  #live = 0;

  constructor(path: string) {
    this.#path = path;
    const found = new Map<string, Json>();
    for (const line of linesOf(path)) {
      const [key, value] = parse(line);
      if (key === undefined) continue;
      if (value === undefined) found.delete(key);
      else found.set(key, value);
    }
    this.found = found;
    for (const [key, value] of found) this.#keep(key, format(key, value));
    this.#fd = this.#rewrite();
  }

  put(key: string, value: Json): void {
    const line = format(key, value);
    this.#keep(key, line);
    this.#append(line);
  }

  drop(key: string): void {
    const line = this.#lines.get(key);
    if (line === undefined) return;
    this.#lines.delete(key);
    this.#live -= line.length;
    this.#append(format(key));
  }

  close(): void {
    closeSync(this.#fd);
  }

  #keep(key: string, line: string): void {
    this.#live += line.length - (this.#lines.get(key)?.length ?? 0);
    this.#lines.set(key, line);
  }

  #append(line: string): void {
    writeSync(this.#fd, line);
    this.#written += line.length;
    if (this.#written < COMPACT_BYTES || this.#written < this.#live * MOSTLY) return;
    closeSync(this.#fd);
    this.#fd = this.#rewrite();
  }

  /** Puts a file of what counts in the old one's place. */
  #rewrite(): number {
    const fresh = `${this.#path}.new`;
    writeFileSync(fresh, [...this.#lines.values()].join(""), { mode: 0o600 });
    renameSync(fresh, this.#path);
    this.#written = this.#live;
    return openSync(this.#path, "a", 0o600);
  }
}

const format = (key: string, value?: Json): string => `${JSON.stringify(value === undefined ? [key] : [key, value])}\n`;

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** A line that its writer did not finish says nothing. */
function parse(line: string): [string | undefined, Json | undefined] {
  try {
    return JSON.parse(line) as [string, Json];
  } catch {
    return [undefined, undefined];
  }
}
