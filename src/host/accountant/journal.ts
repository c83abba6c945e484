import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Errno } from "../../core/base/errno.ts";
import type { Json, Recorder } from "../../core/grants/records.ts";
import { mapFile, unmapFile } from "../linux/mapped-file.ts";

/** The least size of the file, and how many times as long as its present records it is at least. When it is full it is written anew. */
const LEAST_BYTES = 1 << 20;
const TIMES = 4;

/**
 * Records in a file, one line each. The last line of a key counts; a line with a key alone removes the record. The file is mapped into this
 * process, with zeros after the last line, so a record is a write to memory. It need not reach a disk: its reader is a successor on the
 * same running kernel.
 */
export class Journal implements Recorder {
  readonly #path: string;
  /** The present line of each key. */
  readonly #lines = new Map<string, string>();
  /** The records that were there when the file was opened. */
  readonly found: ReadonlyMap<string, Json>;
  #bytes: Buffer;
  #end = 0;

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
    for (const [key, value] of found) this.#lines.set(key, format(key, value));
    this.#bytes = this.#rewrite();
  }

  put(key: string, value: Json): void {
    const line = format(key, value);
    this.#lines.set(key, line);
    this.#append(line);
  }

  drop(key: string): void {
    if (this.#lines.delete(key)) this.#append(format(key));
  }

  #append(line: string): void {
    // Keys and values are ASCII: a line has as many bytes as characters.
    const end = this.#end + line.length;
    if (end <= this.#bytes.length) {
      // Lines are short: a loop takes a third of what Node's own function does.
      for (let i = 0; i < line.length; i++) this.#bytes[this.#end + i] = line.charCodeAt(i);
      this.#end = end;
      return;
    }
    const full = this.#bytes;
    this.#bytes = this.#rewrite();
    unmapFile(full);
  }

  /**
   * Replaces the file by one with the present lines. It is written in full length: a hole could not be filled later if the file system is
   * full, and the write to memory would end in SIGBUS.
   */
  #rewrite(): Buffer {
    const text = [...this.#lines.values()].join("");
    const contents = Buffer.alloc(Math.max(LEAST_BYTES, text.length * TIMES));
    contents.write(text, "latin1");
    const bytes = writeMapped(this.#path, contents);
    this.#end = text.length;
    return bytes;
  }
}

/** A file in the place of the one at `path`, and its memory. ENOSPC and the like, and then the old one is there still. */
function writeMapped(path: string, contents: Buffer): Buffer {
  const fresh = `${path}.new`;
  rmSync(fresh, { force: true });
  const fd = openSync(fresh, "wx+", 0o600);
  try {
    writeFileSync(fd, contents);
    const bytes = mapFile(fd, contents.length, fresh);
    renameSync(fresh, path);
    return bytes;
  } catch (error) {
    rmSync(fresh, { force: true });
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ENOSPC" && code !== "EDQUOT" && code !== "EFBIG") throw error;
    throw new Errno(
      code,
      `the accounts need ${contents.length} bytes at ${path}: ${message.replace(/^[A-Z]+: /, "")}`,
      error,
    );
  } finally {
    closeSync(fd);
  }
}

/** A key that JSON need not escape. */
const PLAIN = /^[\w ]*$/;

/** The object that was put last, and its text: an object that is put again is not converted again. */
let lastValue: Json | undefined;
let lastText = "";

function textOf(value: Json): string {
  if (value !== lastValue || typeof value !== "object") {
    lastValue = value;
    lastText = JSON.stringify(value);
  }
  return lastText;
}

/** A line: a JSON array of key and value, or of the key alone. */
function format(key: string, value?: Json): string {
  const quoted = PLAIN.test(key) ? `"${key}"` : JSON.stringify(key);
  return value === undefined ? `[${quoted}]\n` : `[${quoted},${textOf(value)}]\n`;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, "latin1").split("\n");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Key and value of a line. A line that its writer did not finish gives neither. */
function parse(line: string): [string | undefined, Json | undefined] {
  try {
    return JSON.parse(line) as [string, Json];
  } catch {
    return [undefined, undefined];
  }
}
